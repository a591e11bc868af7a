//! One attempt at a piece of work, on one connection.

use std::sync::atomic::{AtomicBool, Ordering};

use kith_primitives::{Context, Failure};
use tokio::time::timeout_at;

use crate::db_error::{deadline_exceeded, outcome_unknown};
use crate::deadline::{self, Ended, cancel_late};
use crate::lease::Lease;
use crate::{Abort, DbError, DbErrorKind, Work, transaction};

pub(crate) async fn read<T, F>(mut lease: Lease, work: F) -> Result<T, Abort>
where
    F: for<'c> Work<'c, T>,
{
    let reading = work(lease.connection());
    let answer = match deadline::current() {
        Some(deadline) => timeout_at(deadline, reading)
            .await
            .map_err(|_| deadline_exceeded())?,
        None => reading.await,
    };
    lease.end(database_error(&answer));
    answer
}

pub(crate) async fn write<T, F>(mut lease: Lease, work: F) -> Result<T, Abort>
where
    F: for<'c> Work<'c, T>,
{
    let cancel = lease.cancel();
    match cancel_late(work(lease.connection()), cancel).await {
        Ended::InTime(answer) => {
            lease.end(database_error(&answer));
            answer.map_err(unknown_if_lost)
        }
        Ended::Cancelled(answer) => {
            lease.hang_up();
            answer.map_err(late_if_cancelled).map_err(unknown_if_lost)
        }
        Ended::Silent => Err(outcome_unknown().into()),
    }
}

pub(crate) async fn transaction<T, F>(mut lease: Lease, work: F) -> Result<T, Abort>
where
    F: for<'c> Work<'c, T>,
{
    // The deadline alone, where there is one: the role's own limit is for work that nobody waits for.
    let limit = Context::time_left();
    let (cancel, committing) = (lease.cancel(), AtomicBool::new(false));
    let running = transaction::run(lease.connection(), limit, &committing, work);
    match cancel_late(running, cancel).await {
        Ended::InTime(answer) => {
            lease.end(database_error(&answer));
            match limit {
                Some(_) => answer.map_err(late_if_timed_out),
                None => answer,
            }
        }
        Ended::Cancelled(answer) => {
            lease.hang_up();
            answer.map_err(late_if_cancelled)
        }
        Ended::Silent if committing.load(Ordering::Relaxed) => Err(outcome_unknown().into()),
        Ended::Silent => Err(deadline_exceeded().into()),
    }
}

fn database_error<T>(answer: &Result<T, Abort>) -> Option<&DbError> {
    match answer {
        Err(Abort::Database(error)) => Some(error),
        Ok(_) | Err(Abort::Refused(_)) => None,
    }
}

/// A statement that commits by itself has perhaps done so.
fn unknown_if_lost(abort: Abort) -> Abort {
    replace(
        abort,
        |kind| *kind == DbErrorKind::ConnectionLost,
        outcome_unknown,
    )
}

/// It was cancelled because of the deadline.
fn late_if_cancelled(abort: Abort) -> Abort {
    replace(abort, |kind| *kind == DbErrorKind::Cancelled, deadline_exceeded)
}

/// The limit was the deadline's.
fn late_if_timed_out(abort: Abort) -> Abort {
    replace(
        abort,
        |kind| *kind == DbErrorKind::StatementTimeout,
        deadline_exceeded,
    )
}

fn replace(abort: Abort, applies: fn(&DbErrorKind) -> bool, failure: fn() -> Failure) -> Abort {
    match abort {
        Abort::Database(error) if applies(error.kind()) => failure().with_cause(error).into(),
        abort => abort,
    }
}
