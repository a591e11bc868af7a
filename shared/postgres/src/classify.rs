//! The one place that knows PostgreSQL's error codes and messages.
//!
//! Diesel-async passes on about eight SQLSTATEs and turns all others into `Unknown`, so the message must tell them
//! apart. The messages are those of PostgreSQL 15 to 18 in English, which is why services check `lc_messages` when
//! they start.

use std::error::Error as StdError;
use std::fmt;

use diesel::result::{ConnectionError, DatabaseErrorInformation, DatabaseErrorKind, Error};
use tokio_postgres::error::SqlState;

use crate::{DbError, DbErrorKind};

/// Sorts the error of a statement.
pub(crate) fn statement_error(error: Error) -> DbError {
    let kind = match &error {
        Error::DatabaseError(kind, info) => database_error(kind, &**info),
        Error::NotFound => DbErrorKind::NoRow,
        _ => DbErrorKind::Unexpected,
    };
    DbError::new(kind, Described(error))
}

/// Sorts the error of a login, where the driver does pass on the SQLSTATE.
pub(crate) fn login_error(error: tokio_postgres::Error) -> DbError {
    let kind = match error.code() {
        Some(&SqlState::TOO_MANY_CONNECTIONS) => DbErrorKind::TooManyConnections,
        // Class 57: starting, stopping, recovering.
        Some(code) if code.code().starts_with("57") => DbErrorKind::Unreachable,
        Some(_) => DbErrorKind::LoginRefused,
        None => DbErrorKind::Unreachable,
    };
    DbError::new(kind, error)
}

/// Sorts the error of the first statements on a new connection.
pub(crate) fn setup_error(error: ConnectionError) -> DbError {
    DbError::new(DbErrorKind::Unreachable, error)
}

fn database_error(kind: &DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> DbErrorKind {
    let constraint = info.constraint_name().filter(|name| !name.is_empty());
    match (kind, constraint) {
        (
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::RestrictViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation,
            Some(name),
        ) => DbErrorKind::Constraint(name.to_owned()),
        (DatabaseErrorKind::NotNullViolation, _) => DbErrorKind::NotNull {
            table: info.table_name().unwrap_or_default().to_owned(),
            column: info.column_name().unwrap_or_default().to_owned(),
        },
        (DatabaseErrorKind::SerializationFailure, _) if !ends_connection(info.message()) => {
            DbErrorKind::SerializationFailure
        }
        (DatabaseErrorKind::ReadOnlyTransaction, _) => DbErrorKind::ReadOnly,
        (DatabaseErrorKind::ClosedConnection, _) => DbErrorKind::ConnectionLost,
        (DatabaseErrorKind::UnableToSendCommand, _) => driver_error(info.message()),
        _ => server_message(info.message()),
    }
}

/// Errors that the driver itself made.
fn driver_error(message: &str) -> DbErrorKind {
    const LOST: &[&str] = &[
        "connection closed",
        "error communicating with the server",
        "error parsing response from server",
        "unexpected message from server",
    ];
    if LOST.contains(&message) {
        DbErrorKind::ConnectionLost
    } else {
        DbErrorKind::Unexpected
    }
}

/// Errors of the server whose SQLSTATE did not come through.
fn server_message(message: &str) -> DbErrorKind {
    match message {
        // 40P01
        "deadlock detected" => DbErrorKind::Deadlock,
        // 55P03
        "canceling statement due to lock timeout" => DbErrorKind::LockTimeout,
        _ if message.starts_with("could not obtain lock on ") => DbErrorKind::LockTimeout,
        // 57014
        "canceling statement due to statement timeout" => DbErrorKind::StatementTimeout,
        "canceling statement due to user request" => DbErrorKind::Cancelled,
        // 25P02
        "current transaction is aborted, commands ignored until end of transaction block" => {
            DbErrorKind::TransactionAborted
        }
        // 53200; "out of memory" has the same code
        _ if message.starts_with("out of shared memory") => DbErrorKind::OutOfLocks,
        // 0A000
        "cached plan must not change result type" => DbErrorKind::PlanChanged,
        // 22021
        _ if message.starts_with("invalid byte sequence for encoding ") => DbErrorKind::InvalidText,
        // 22003, 22008
        _ if message.ends_with(" out of range") || message.contains(" out of range for type ") => {
            DbErrorKind::OutOfRange
        }
        _ if ends_connection(message) => DbErrorKind::ConnectionLost,
        _ => DbErrorKind::Unexpected,
    }
}

/// Whether the server hangs up after this message: 57P01, 57P02, 57P04, 57P05, 25P03, 25P04 and conflicts with recovery.
fn ends_connection(message: &str) -> bool {
    message.starts_with("terminating connection ")
}

/// An error of Diesel, whose `Display` is the message alone, with what else the server said.
#[derive(Debug)]
struct Described(Error);

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        let Error::DatabaseError(DatabaseErrorKind::Unknown, info) = &self.0 else {
            // The details of a broken constraint are the row, which is nobody's business in a log.
            return Ok(());
        };
        for more in [info.details(), info.hint()].into_iter().flatten() {
            write!(f, "; {}", more.replace('\n', "; "))?;
        }
        Ok(())
    }
}

impl StdError for Described {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
