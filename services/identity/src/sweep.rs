//! The background task that removes what has had its time: expired sessions, and throttles that hold nobody back.
//!
//! Every replica runs it. They need no turns: each takes the rows that no other has at hand. Audit events are kept.

use std::time::Duration;

use kith_postgres::Database;
use kith_primitives::{Failure, chain};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::store::{sessions_sweep, throttles_sweep};

/// Rows that one statement removes: few enough to be done in some milliseconds.
const BATCH: usize = 1000;
/// The pause between two statements of one sweep, for others to have the database.
const PAUSE: Duration = Duration::from_millis(100);

/// Sweeps every `interval` until `shutdown`, at first after one.
pub(crate) async fn sweep(database: Database, interval: Duration, shutdown: CancellationToken) {
    let endless = async {
        loop {
            sleep(interval).await;
            match sweep_once(&database).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "swept"),
                // The database may be away, which others say loudly enough; the next sweep does it all.
                Err(failure) => {
                    let cause = failure.cause().map(|cause| chain(cause));
                    tracing::debug!(cause, "could not sweep");
                }
            }
        }
    };
    shutdown.run_until_cancelled(endless).await;
}

async fn sweep_once(database: &Database) -> Result<usize, Failure> {
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut removed = 0;
    loop {
        let sessions = sessions_sweep(database, most).await?;
        let throttles = throttles_sweep(database, most).await?;
        removed += sessions + throttles;
        if sessions.max(throttles) < BATCH {
            return Ok(removed);
        }
        sleep(PAUSE).await;
    }
}
