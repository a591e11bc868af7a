//! The deadline of the call that the current task works for.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use kith_primitives::Context;
use tokio::time::{Instant, timeout, timeout_at};

use crate::session::Cancel;

/// How far past the deadline a statement may run before it is cancelled from here: the server's own
/// `statement_timeout` comes first, and cheaper.
const SLACK: Duration = Duration::from_millis(50);
/// How long a cancelled statement may take to answer.
const GRACE: Duration = Duration::from_secs(1);

/// When the caller stops waiting; `None` in background work.
pub(crate) fn current() -> Option<Instant> {
    Context::current().map(|context| context.deadline)
}

/// Whether the caller has stopped waiting.
pub(crate) fn has_passed() -> bool {
    Context::time_left().is_some_and(|left| left.is_zero())
}

/// How work ended that is cancelled once its deadline has passed.
pub(crate) enum Ended<T> {
    /// By itself.
    InTime(T),
    /// After it was cancelled, and by that or otherwise.
    Cancelled(T),
    /// Not at all.
    Silent,
}

/// Runs `work`, and cancels its statement when the deadline has passed.
pub(crate) async fn cancel_late<T>(work: impl Future<Output = T>, cancel: Cancel) -> Ended<T> {
    let Some(deadline) = current() else {
        return Ended::InTime(work.await);
    };
    let mut work = pin!(work);
    if let Ok(output) = timeout_at(deadline + SLACK, &mut work).await {
        return Ended::InTime(output);
    }
    cancel.send();
    timeout(GRACE, work).await.map_or(Ended::Silent, Ended::Cancelled)
}
