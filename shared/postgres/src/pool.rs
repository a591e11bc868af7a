//! The pool: who gets which connection, and which is never handed out again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool};
use kith_primitives::{Context, Failure, Reason};
use kith_telemetry::{DatabaseMetrics, DatabaseServer, PoolReading, pool_failed, pool_span};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::db_error::{database_unavailable, deadline_exceeded, pool_exhausted};
use crate::lease::{Abandoned, Lease};
use crate::session::{Connector, Session};
use crate::{DatabaseUrl, DbError, PoolSettings, PoolStatus};

/// How long the next borrower waits for a read whose caller is gone.
const DRAIN_PATIENCE: Duration = Duration::from_millis(250);

/// Hands out connections.
#[derive(Clone)]
pub(crate) struct Pool {
    pool: managed::Pool<Manager>,
    checkout_timeout: Duration,
    server: Arc<DatabaseServer>,
    metrics: Option<DatabaseMetrics>,
}

impl Pool {
    pub(crate) fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Self {
        let manager = Manager {
            connector: Connector::new(url, settings.connect_timeout),
            generation: AtomicU64::new(0),
            idle_check_after: settings.idle_check_after,
            check_patience: settings.checkout_timeout / 4,
            max_lifetime: settings.max_lifetime,
        };
        // Last in, first out: the connection that was used last needs a check least.
        let builder = managed::Pool::builder(manager)
            .max_size(settings.size.max(1))
            .queue_mode(QueueMode::Lifo);
        let pool: managed::Pool<Manager> = match builder.build() {
            Ok(pool) => pool,
            Err(error) => unreachable!("only timeouts of deadpool's own need a runtime: {error}"),
        };
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(sweep(pool.weak(), settings.idle_check_after)));
        }
        Self {
            pool,
            checkout_timeout: settings.checkout_timeout,
            server: Arc::new(url.server()),
            metrics: None,
        }
    }

    pub(crate) fn be_counted_by(&mut self, metrics: &DatabaseMetrics) {
        // The metrics outlive the pool, and must not keep it.
        let pool = self.pool.weak();
        metrics.watch_pool(move || pool.upgrade().map(|pool| reading(&pool.status())));
        self.metrics = Some(metrics.clone());
    }

    pub(crate) fn server(&self) -> &Arc<DatabaseServer> {
        &self.server
    }

    pub(crate) fn metrics(&self) -> Option<&DatabaseMetrics> {
        self.metrics.as_ref()
    }

    /// A connection that works, as far as can be known without asking the server each time.
    pub(crate) async fn checkout(&self, abandoned: Abandoned) -> Result<Lease, Failure> {
        let left = Context::time_left();
        let patience = left.map_or(self.checkout_timeout, |left| left.min(self.checkout_timeout));
        let is_callers = left == Some(patience);
        let span = pool_span(&self.server);
        let began = Instant::now();
        let got = timeout(patience, self.pool.get()).instrument(span.clone()).await;
        if let Some(metrics) = &self.metrics {
            metrics.waited(began.elapsed());
            // A caller in a hurry says nothing about the pool.
            if got.is_err() && !is_callers {
                metrics.timed_out();
            }
        }
        let lease = match got {
            Ok(Ok(pooled)) => Ok(Lease::new(pooled, abandoned)),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_) => {
                let failure = match self.status() {
                    _ if is_callers => deadline_exceeded(),
                    // What is still being made does not count: its server is slow to answer.
                    status if status.size == status.max_size => pool_exhausted(),
                    _ => database_unavailable(),
                };
                Err(failure.with_cause(self.exhausted(patience)))
            }
        };
        lease.inspect_err(|failure| pool_failed(&span, failure.reason().slug()))
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let managed::Status {
            max_size,
            size,
            available,
            waiting,
        } = self.pool.status();
        PoolStatus {
            max_size,
            size,
            available,
            waiting,
        }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    fn exhausted(&self, patience: Duration) -> String {
        format!("no database connection within {patience:?}: {:?}", self.status())
    }
}

fn reading(status: &managed::Status) -> PoolReading {
    PoolReading {
        used: status.size.saturating_sub(status.available),
        idle: status.available,
        max: status.max_size,
        pending: status.waiting,
    }
}

fn refusal(error: PoolError<DbError>) -> Failure {
    match error {
        PoolError::Backend(error) => error.into(),
        PoolError::Closed => Failure::new(Reason::ServiceNotReady, "the service is stopping"),
        other => Failure::internal(other),
    }
}

/// Removes connections that have ended or are too old, so that they do not lie idle until somebody wants them.
async fn sweep(pool: WeakPool<Manager>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match pool.upgrade() {
            Some(pool) if !pool.is_closed() => {
                pool.retain(|pooled, _| pool.manager().may_live(pooled));
            }
            _ => return,
        }
    }
}

/// A connection of the pool, with what decides when it ends.
pub(crate) struct Pooled {
    pub(crate) session: Session,
    generation: u64,
    lifetime: Duration,
}

/// Makes connections, and decides which may be used again.
pub(crate) struct Manager {
    connector: Connector,
    /// Connections of an earlier generation are ended before they are used again.
    generation: AtomicU64,
    idle_check_after: Duration,
    check_patience: Duration,
    max_lifetime: Duration,
}

impl Manager {
    /// Ends all connections that are not newer than this one, each before its next use.
    pub(crate) fn outdate(&self, pooled: &Pooled) {
        let next = pooled.generation + 1;
        let swap =
            self.generation
                .compare_exchange(pooled.generation, next, Ordering::Relaxed, Ordering::Relaxed);
        if swap.is_ok() {
            tracing::info!("the database connections made so far are given up");
        }
    }

    fn may_live(&self, pooled: &Pooled) -> bool {
        pooled.generation == self.generation.load(Ordering::Relaxed)
            && pooled.session.age() < pooled.lifetime
            && !pooled.session.is_spoiled()
    }
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = DbError;

    async fn create(&self) -> Result<Pooled, DbError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let lifetime = lifetime(self.max_lifetime);
        Ok(Pooled {
            session: self.connector.connect().await?,
            generation,
            lifetime,
        })
    }

    async fn recycle(&self, pooled: &mut Pooled, _: &Metrics) -> RecycleResult<DbError> {
        if !self.may_live(pooled) || pooled.session.in_transaction() {
            return Err(RecycleError::message("ended, too old or in a transaction"));
        }
        let checked = if pooled.session.is_unsettled() {
            pooled.session.settle(DRAIN_PATIENCE).await
        } else if pooled.session.idle() > self.idle_check_after {
            // When one is lost, then probably all, and each would take as long to find out.
            let checked = pooled.session.settle(self.check_patience).await;
            checked.inspect_err(|_| self.outdate(pooled))
        } else {
            return Ok(());
        };
        Ok(checked.inspect_err(|_| pooled.session.abandon())?)
    }
}

/// Give or take 20 %, so that connections that were made together do not end together.
fn lifetime(about: Duration) -> Duration {
    about.mul_f64(rand::random_range(0.8..=1.2))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn lifetimes_differ_by_up_to_a_fifth() {
        let lifetimes: BTreeSet<_> = (0..100)
            .map(|_| lifetime(Duration::from_secs(1000)).as_secs())
            .collect();
        assert!(lifetimes.len() > 10 && lifetimes.iter().all(|seconds| (800..=1200).contains(seconds)));
    }
}
