//! What the database said, sorted by what can be done about it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use kith_primitives::{Failure, Reason};
use kith_rules::Rule;

/// When a caller may come back after a conflict with other calls.
const RETRY_CONFLICT: Duration = Duration::from_millis(100);
/// When a caller may come back after the database was out of reach.
const RETRY_UNAVAILABLE: Duration = Duration::from_secs(1);

/// What went wrong in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbErrorKind {
    /// A unique, foreign key, check or exclusion constraint, or a trigger that speaks in the name of one.
    Constraint(String),
    /// A column that may not be NULL.
    NotNull {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// PostgreSQL chose this transaction as the victim of a deadlock.
    Deadlock,
    /// The transaction cannot be put in an order with the others.
    SerializationFailure,
    /// A lock was not to be had in time, or at once with NOWAIT.
    LockTimeout,
    /// `statement_timeout` passed.
    StatementTimeout,
    /// Somebody cancelled the statement.
    Cancelled,
    /// An earlier statement of the transaction failed, and its error was swallowed.
    TransactionAborted,
    /// The server's lock table is full; `max_locks_per_transaction` is too low.
    OutOfLocks,
    /// The server, database or role has all the connections it may have.
    TooManyConnections,
    /// A prepared statement's result has another form since a migration.
    PlanChanged,
    /// The connection broke, or the server ended it.
    ConnectionLost,
    /// No connection could be made: nobody answers, or the server is starting or stopping.
    Unreachable,
    /// The server refused the login: role, password, database, or TLS.
    LoginRefused,
    /// The server, or the session, takes no writes.
    ReadOnly,
    /// A text with a byte sequence that the encoding does not have; NUL, in practice.
    InvalidText,
    /// A number or time beyond its type.
    OutOfRange,
    /// A statement that must give a row gave none.
    NoRow,
    /// Anything else, which is a defect.
    Unexpected,
}

impl DbErrorKind {
    /// The kind in one word, for spans and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Constraint(_) => "constraint",
            Self::NotNull { .. } => "not_null",
            Self::Deadlock => "deadlock",
            Self::SerializationFailure => "serialization_failure",
            Self::LockTimeout => "lock_timeout",
            Self::StatementTimeout => "statement_timeout",
            Self::Cancelled => "cancelled",
            Self::TransactionAborted => "transaction_aborted",
            Self::OutOfLocks => "out_of_locks",
            Self::TooManyConnections => "too_many_connections",
            Self::PlanChanged => "plan_changed",
            Self::ConnectionLost => "connection_lost",
            Self::Unreachable => "unreachable",
            Self::LoginRefused => "login_refused",
            Self::ReadOnly => "read_only",
            Self::InvalidText => "invalid_text",
            Self::OutOfRange => "out_of_range",
            Self::NoRow => "no_row",
            Self::Unexpected => "unexpected",
        }
    }
}

/// A failed statement, checkout or login: its kind, and the whole cause for the log.
pub struct DbError(Box<Parts>);

struct Parts {
    kind: DbErrorKind,
    query: Option<&'static str>,
    cause: Box<dyn Error + Send + Sync>,
}

impl DbError {
    pub(crate) fn new(kind: DbErrorKind, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Parts {
            kind,
            query: None,
            cause: cause.into(),
        }))
    }

    pub(crate) fn of_query(mut self, name: &'static str) -> Self {
        self.0.query = Some(name);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> &DbErrorKind {
        &self.0.kind
    }

    /// The name that the statement was given to [`run`](crate::run); `None` when no statement was running.
    pub fn query(&self) -> Option<&'static str> {
        self.0.query
    }

    /// The constraint that was violated, if one was.
    pub fn constraint(&self) -> Option<&str> {
        match self.kind() {
            DbErrorKind::Constraint(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is this rule that was broken.
    pub fn breaks(&self, rule: &Rule) -> bool {
        self.constraint() == Some(rule.constraint)
    }

    /// Whether another transaction was in the way and the same work may succeed now.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(
            self.kind(),
            DbErrorKind::Deadlock | DbErrorKind::SerializationFailure
        )
    }

    /// Whether the same work may succeed on another connection.
    pub(crate) fn is_stale_connection(&self) -> bool {
        matches!(
            self.kind(),
            DbErrorKind::PlanChanged | DbErrorKind::ConnectionLost
        )
    }

    /// Whether the connection must not be used again.
    pub(crate) fn spoils_connection(&self) -> bool {
        self.is_stale_connection() || *self.kind() == DbErrorKind::ReadOnly
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.query {
            Some(query) => write!(f, "query {query} failed: {:?}", self.0.kind),
            None => write!(f, "database failed: {:?}", self.0.kind),
        }
    }
}

impl fmt::Debug for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DbError({self}: {:?})", self.0.cause)
    }
}

impl Error for DbError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0.cause)
    }
}

impl From<DbError> for Failure {
    /// What callers learn of it. The database's own words go into the cause and nowhere else.
    fn from(error: DbError) -> Self {
        let failure = match error.kind() {
            DbErrorKind::Constraint(name) => match kith_rules::find(name) {
                Some(rule) => rule.failure(),
                None => return Failure::internal(error),
            },
            DbErrorKind::Deadlock | DbErrorKind::SerializationFailure => unavailable(
                "changes of others to the same data kept coming in between; nothing was changed",
                RETRY_CONFLICT,
            ),
            DbErrorKind::LockTimeout => unavailable(
                "a change of somebody else holds what this one needs, for too long; nothing was changed",
                RETRY_CONFLICT,
            ),
            DbErrorKind::StatementTimeout => Failure::new(
                Reason::DeadlineExceeded,
                "a statement took longer than the database lets this service; nothing was changed",
            ),
            DbErrorKind::OutOfLocks => Failure::new(
                Reason::DatabaseLocksExhausted,
                "the database's lock table is full; nothing was changed",
            )
            .with_retry_after(RETRY_UNAVAILABLE),
            DbErrorKind::PlanChanged | DbErrorKind::ConnectionLost | DbErrorKind::Unreachable => {
                database_unavailable()
            }
            DbErrorKind::Cancelled => unavailable(
                "somebody at the database cancelled the statement; nothing was changed",
                RETRY_UNAVAILABLE,
            ),
            DbErrorKind::TooManyConnections => unavailable(
                "the database takes no more connections; nothing was changed",
                RETRY_UNAVAILABLE,
            ),
            DbErrorKind::LoginRefused => unavailable(
                "the database does not let this service in; nothing was changed",
                RETRY_UNAVAILABLE,
            ),
            DbErrorKind::ReadOnly => unavailable(
                "the database takes no changes at the moment; nothing was changed",
                RETRY_UNAVAILABLE,
            ),
            DbErrorKind::NotNull { .. }
            | DbErrorKind::TransactionAborted
            | DbErrorKind::InvalidText
            | DbErrorKind::OutOfRange
            | DbErrorKind::NoRow
            | DbErrorKind::Unexpected => return Failure::internal(error),
        };
        failure.with_cause(error)
    }
}

/// The database may be well; it is this process that has no connection left for the call.
pub(crate) fn pool_exhausted() -> Failure {
    Failure::new(
        Reason::ServerOverloaded,
        "all database connections of this server are in use; nothing was changed",
    )
    .with_retry_after(RETRY_UNAVAILABLE)
}

pub(crate) fn database_unavailable() -> Failure {
    unavailable(
        "the database does not answer; nothing was changed",
        RETRY_UNAVAILABLE,
    )
}

pub(crate) fn deadline_exceeded() -> Failure {
    Failure::new(
        Reason::DeadlineExceeded,
        "the deadline passed before the database was done",
    )
}

pub(crate) fn outcome_unknown() -> Failure {
    Failure::new(
        Reason::OutcomeUnknown,
        "the connection to the database broke during the commit; the change may or may not have happened",
    )
}

fn unavailable(message: &str, retry_after: Duration) -> Failure {
    Failure::new(Reason::DatabaseUnavailable, message).with_retry_after(retry_after)
}
