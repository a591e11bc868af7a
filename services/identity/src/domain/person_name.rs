use kith_primitives::Invalid;
use kith_rules::identity::{NAME_MAX, USERS_FIRST_NAME_LENGTH, USERS_LAST_NAME_LENGTH};

use kith_rules::text::bounded;

/// A first or last name; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PersonName(String);

impl PersonName {
    pub(crate) fn parse_first(text: &str) -> Result<Self, Invalid> {
        bounded(text, NAME_MAX, &USERS_FIRST_NAME_LENGTH).map(Self)
    }

    pub(crate) fn parse_last(text: &str) -> Result<Self, Invalid> {
        bounded(text, NAME_MAX, &USERS_LAST_NAME_LENGTH).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
