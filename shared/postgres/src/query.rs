//! The one way to run a statement.

use std::future::Future;
use std::time::Instant;

use diesel::QueryResult;
use kith_telemetry::{query_finished, query_span};
use tracing::Instrument;

use crate::{DbError, DbErrorKind, classify, counted};

/// Runs a statement under a name, which its span, its errors and its timing carry.
///
/// Names are noun-first: `follow_create`, `followers_page`.
///
/// # Errors
/// [`DbError`], sorted and with the name.
pub async fn run<T>(name: &'static str, query: impl Future<Output = QueryResult<T>>) -> Result<T, DbError> {
    let (span, started) = (query_span(name, counted::server().as_deref()), Instant::now());
    let answer = query.instrument(span.clone()).await;
    let answer = answer.map_err(|error| classify::statement_error(error).of_query(name));
    // A statement that finds nothing has not failed, whatever its caller makes of it.
    let error = answer.as_ref().err().map(DbError::kind);
    let error = error
        .filter(|kind| **kind != DbErrorKind::NoRow)
        .map(DbErrorKind::label);
    let duration = started.elapsed();
    query_finished(&span, name, duration, error);
    counted::count(|metrics| metrics.query_finished(name, duration, error));
    answer
}

/// Turns the absence of a row into `None`.
pub trait OptionalRow<T> {
    /// `None` when the statement gave no row.
    ///
    /// # Errors
    /// Every other error as it was.
    fn optional(self) -> Result<Option<T>, DbError>;
}

impl<T> OptionalRow<T> for Result<T, DbError> {
    fn optional(self) -> Result<Option<T>, DbError> {
        match self {
            Ok(row) => Ok(Some(row)),
            Err(error) if *error.kind() == DbErrorKind::NoRow => Ok(None),
            Err(error) => Err(error),
        }
    }
}
