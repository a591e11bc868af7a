//! When failed work is tried again.

use std::time::Duration;

use kith_primitives::Failure;
use kith_telemetry::names;
use tokio::time::{Instant, sleep};

use crate::db_error::deadline_exceeded;
use crate::{DbError, DbErrorKind, counted, deadline};

/// How long conflicts are retried for when there is no deadline.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(10);
/// The first pause is at most this long, and each further one twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(256);

/// What there is another attempt after.
pub(crate) const RETRIED: [DbErrorKind; 4] = [
    DbErrorKind::Deadlock,
    DbErrorKind::SerializationFailure,
    DbErrorKind::ConnectionLost,
    DbErrorKind::PlanChanged,
];

/// The attempts at one piece of work.
pub(crate) struct Retries {
    until: Instant,
    pause: Duration,
    reconnected: bool,
}

impl Retries {
    pub(crate) fn new() -> Self {
        let until = deadline::current().unwrap_or_else(|| Instant::now() + WITHOUT_DEADLINE);
        Self {
            until,
            pause: FIRST_PAUSE,
            reconnected: false,
        }
    }

    /// Returns when it is time for the next attempt.
    ///
    /// # Errors
    /// What the caller learns, when another attempt makes no sense or does not fit before the deadline.
    pub(crate) async fn again(&mut self, error: DbError) -> Result<(), Failure> {
        let reason = error.kind().label();
        let count = || counted::count(|metrics| metrics.retried(reason));
        if error.is_stale_connection() && !self.reconnected {
            self.reconnected = true;
            count();
            return Ok(());
        }
        if !error.is_conflict() {
            return Err(error.into());
        }
        // At random, so that two victims of each other do not meet again.
        let pause = self.pause.mul_f64(rand::random());
        self.pause = LONGEST_PAUSE.min(self.pause * 2);
        if Instant::now() + pause >= self.until {
            let late = deadline::current().is_some();
            return Err(if late {
                deadline_exceeded().with_cause(error)
            } else {
                error.into()
            });
        }
        tracing::debug!({ { names::ERROR_CAUSE } = %error }, "a conflict is retried");
        sleep(pause).await;
        count();
        Ok(())
    }
}
