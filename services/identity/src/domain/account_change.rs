use kith_primitives::Etag;

use super::{Email, PersonName, Username};

/// A change of an account: what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AccountChange {
    pub(crate) username: Option<Username>,
    /// `Some(None)` takes the address away.
    pub(crate) email: Option<Option<Email>>,
    pub(crate) first_name: Option<PersonName>,
    pub(crate) last_name: Option<PersonName>,
    /// The version that the change was decided on; `None` for any.
    pub(crate) etag: Option<Etag>,
}
