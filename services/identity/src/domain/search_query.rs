use kith_primitives::{Invalid, Reason, char_count, refuse_nul};
use kith_rules::identity::NAME_MAX;

/// What a name begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery(String);

impl SearchQuery {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        match char_count(text) {
            0 => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
            length if length > NAME_MAX => Err(Invalid::new(
                Reason::FieldTooLong,
                "must have at most 150 characters",
            )),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
