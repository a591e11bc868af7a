//! A transaction that commits exactly when it says so.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel_async::{AnsiTransactionManager, AsyncConnection, SimpleAsyncConnection, TransactionManager};
use kith_primitives::Failure;

use crate::db_error::{deadline_exceeded, outcome_unknown};
use crate::{Abort, Connection, DbError, DbErrorKind, Work, deadline, query};

/// By name, since what the work may rely on is no matter of how the server, the database or the role is set.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The first of the two fails in a transaction that is aborted, where COMMIT alone would answer that all is well, and
/// checks the deferred constraints. When it fails, the server skips the second. One round trip for both.
const COMMIT: &str = "SET CONSTRAINTS ALL IMMEDIATE; COMMIT";

/// Runs `work` in a transaction whose statements may each take `limit`, by default what the session's role may, and tells when the commit is on its way.
pub(crate) async fn run<T, F>(
    conn: &mut Connection,
    limit: Option<Duration>,
    committing: &AtomicBool,
    work: F,
) -> Result<T, Abort>
where
    F: for<'c> Work<'c, T>,
{
    if deadline::has_passed() {
        return Err(deadline_exceeded().into());
    }
    if let Err(error) = begin(conn, limit).await {
        // Its first half may have been done.
        rollback(conn).await;
        return Err(error.into());
    }
    let answer = work(conn)
        .await
        .and_then(|value| may_commit(conn).map(|()| value));
    let value = match answer {
        Ok(value) => value,
        Err(abort) => {
            rollback(conn).await;
            return Err(abort);
        }
    };
    committing.store(true, Ordering::Relaxed);
    match query::run("commit", conn.batch_execute(COMMIT)).await {
        Ok(()) => {
            forget_transaction(conn);
            Ok(value)
        }
        Err(error) if *error.kind() == DbErrorKind::ConnectionLost => {
            Err(outcome_unknown().with_cause(error).into())
        }
        Err(error) => {
            rollback(conn).await;
            Err(error.into())
        }
    }
}

/// One round trip, since statements without parameters can travel together.
async fn begin(conn: &mut Connection, limit: Option<Duration>) -> Result<(), DbError> {
    let sql = match limit {
        // 0 would mean no limit at all.
        Some(limit) => {
            let millis = limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
            format!("{BEGIN}; SET LOCAL statement_timeout = {millis}")
        }
        None => BEGIN.to_owned(),
    };
    // By way of the manager, so that Diesel's own `transaction` within the work becomes a savepoint.
    query::run("begin", AnsiTransactionManager::begin_transaction_sql(conn, &sql)).await
}

fn may_commit(conn: &mut Connection) -> Result<(), Abort> {
    let status = AnsiTransactionManager::transaction_manager_status_mut(conn);
    let depth = status.transaction_depth().ok().flatten().map_or(0, NonZero::get);
    if depth != 1 {
        let cause =
            format!("the work left a savepoint open, or ended the transaction itself; depth is {depth}");
        return Err(Failure::internal(cause).into());
    }
    // Nobody waits for the answer any more, so nothing is the clearer outcome.
    if deadline::has_passed() {
        Err(deadline_exceeded().into())
    } else {
        Ok(())
    }
}

/// On failure the manager still counts the transaction as open, and so the connection is not used again.
async fn rollback(conn: &mut Connection) {
    if query::run("rollback", conn.batch_execute("ROLLBACK"))
        .await
        .is_ok()
    {
        forget_transaction(conn);
    }
}

/// The manager has not seen the end of the transaction, which did not go through it.
fn forget_transaction(conn: &mut Connection) {
    *conn.transaction_state() = AnsiTransactionManager::default();
}
