//! Why a closure gives up.

use kith_primitives::Failure;

use crate::DbError;

/// Why the work given to [`Database`](crate::Database) stops: `?` makes it from a [`DbError`] and from a [`Failure`].
#[derive(Debug)]
pub enum Abort {
    /// A statement failed. Conflicts are retried; the rest becomes a [`Failure`].
    Database(DbError),
    /// The work itself refuses; a transaction is rolled back.
    Refused(Failure),
}

impl From<DbError> for Abort {
    fn from(error: DbError) -> Self {
        Abort::Database(error)
    }
}

impl From<Failure> for Abort {
    fn from(failure: Failure) -> Self {
        Abort::Refused(failure)
    }
}

impl From<Abort> for Failure {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Database(error) => error.into(),
            Abort::Refused(failure) => failure,
        }
    }
}
