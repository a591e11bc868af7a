//! The pool: who gets which connection, and which is never handed out again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult, WeakPool};
use kith_primitives::{Failure, Reason};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::db_error::{database_unavailable, deadline_exceeded};
use crate::lease::{Abandoned, Lease};
use crate::session::{Connector, Session};
use crate::{DatabaseUrl, DbError, PoolSettings, PoolStatus, deadline};

/// Hands out connections.
#[derive(Clone)]
pub(crate) struct Pool {
    pool: managed::Pool<Manager>,
    checkout_timeout: Duration,
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
        let builder = managed::Pool::builder(manager).max_size(settings.size.max(1)).queue_mode(QueueMode::Lifo);
        let pool: managed::Pool<Manager> = match builder.build() {
            Ok(pool) => pool,
            Err(error) => unreachable!("only timeouts of deadpool's own need a runtime: {error}"),
        };
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(sweep(pool.weak(), settings.idle_check_after)));
        }
        Self { pool, checkout_timeout: settings.checkout_timeout }
    }

    /// A connection that works, as far as can be known without asking the server each time.
    pub(crate) async fn checkout(&self, abandoned: Abandoned) -> Result<Lease, Failure> {
        let left = deadline::time_left();
        let patience = left.map_or(self.checkout_timeout, |left| left.min(self.checkout_timeout));
        match timeout(patience, self.pool.get()).await {
            Ok(Ok(session)) => Ok(Lease::new(session, abandoned)),
            Ok(Err(error)) => Err(refusal(error)),
            Err(_) if left == Some(patience) => Err(deadline_exceeded().with_cause(self.exhausted(patience))),
            Err(_) => Err(database_unavailable().with_cause(self.exhausted(patience))),
        }
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let managed::Status { max_size, size, available, waiting } = self.pool.status();
        PoolStatus { max_size, size, available, waiting }
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    fn exhausted(&self, patience: Duration) -> String {
        format!("no database connection within {patience:?}: {:?}", self.status())
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
                pool.retain(|session, _| pool.manager().may_live(session));
            }
            _ => return,
        }
    }
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
    pub(crate) fn outdate(&self, session: &Session) {
        let generation = session.generation;
        let _ = self.generation.compare_exchange(
            generation,
            generation + 1,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    fn may_live(&self, session: &Session) -> bool {
        let current = session.generation == self.generation.load(Ordering::Relaxed);
        current && !session.has_ended() && session.age() < self.max_lifetime.mul_f64(session.stamina)
    }
}

impl managed::Manager for Manager {
    type Type = Session;
    type Error = DbError;

    async fn create(&self) -> Result<Session, DbError> {
        let generation = self.generation.load(Ordering::Relaxed);
        let session = self.connector.connect().await?;
        Ok(Session { generation, ..session })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<DbError> {
        if !self.may_live(session) || session.in_transaction() {
            return Err(RecycleError::message("ended, outdated or in a transaction"));
        }
        if session.idle() <= self.idle_check_after {
            return Ok(());
        }
        let checked = session.settle(self.check_patience).await;
        if checked.is_err() {
            // The others have probably lost the same server, and each would take as long to find out.
            self.outdate(session);
        }
        Ok(checked?)
    }
}
