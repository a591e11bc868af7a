//! The database as services use it.

use std::fmt;

use futures::future::BoxFuture;
use kith_primitives::Failure;
use kith_telemetry::DatabaseMetrics;

use crate::lease::Abandoned;
use crate::pool::Pool;
use crate::retry::RETRIED;
use crate::retry::Retries;
use crate::{Abort, DatabaseUrl, PoolSettings, Work, attempt, counted};

/// What a pool has, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    /// The most connections there may be; 0 once the pool is closed.
    pub max_size: usize,
    /// Connections there are.
    pub size: usize,
    /// Connections that nobody uses.
    pub available: usize,
    /// Calls that wait for one.
    pub waiting: usize,
}

/// A database, reached through a pool of connections.
///
/// Clones share the pool. Work is a closure over a connection, see [`Work`]; within it, every statement goes through
/// [`run`](crate::run). A closure must not ask the same `Database` for a second connection: when all callers do that
/// at once, each waits for the other's.
///
/// ```no_run
/// use diesel::sql_types::BigInt;
/// use diesel_async::RunQueryDsl;
/// use kith_postgres::{Connection, Database, run};
/// use kith_primitives::Failure;
///
/// async fn follow_create(database: Database, follower: i64, followed: Vec<i64>) -> Result<usize, Failure> {
///     database
///         .transaction(async |conn: &mut Connection| {
///             let mut rows = 0;
///             for user in &followed {
///                 let insert = diesel::sql_query("INSERT INTO follows VALUES ($1, $2)")
///                     .bind::<BigInt, _>(follower)
///                     .bind::<BigInt, _>(user);
///                 rows += run("follow_create", insert.execute(conn)).await?;
///             }
///             Ok(rows)
///         })
///         .await
/// }
///
/// fn handler(database: Database) {
///     tokio::spawn(follow_create(database, 1, vec![2, 3]));
/// }
/// ```
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

impl Database {
    /// A pool without connections yet, so this succeeds whether or not the server is there.
    ///
    /// Call it within a Tokio runtime: only then are idle connections ended when they get old.
    pub fn new(url: &DatabaseUrl, settings: &PoolSettings) -> Self {
        Self {
            pool: Pool::new(url, settings),
        }
    }

    /// Has what it does counted in `metrics`, which are for one database only.
    #[must_use]
    pub fn counted_by(mut self, metrics: &DatabaseMetrics) -> Self {
        metrics.expect_retries(&RETRIED.map(|kind| kind.label()));
        self.pool.be_counted_by(metrics);
        self
    }

    /// Runs statements that change nothing.
    ///
    /// They are tried once more on another connection when theirs was lost, or was out of date since a migration.
    ///
    /// At the deadline, or when the caller hangs up, nobody waits any longer, and a running statement finishes unseen.
    /// The next borrower of its connection gives it 250 ms more, and then cancels it and takes another connection; if
    /// nobody comes, it ends with the role's own limit. There is no transaction around a read, and so no `SET LOCAL`
    /// that would let the server know the deadline: it would cost another round trip on every read, for the few that
    /// are late.
    ///
    /// # Errors
    /// What `work` refuses; SERVER_OVERLOADED when all connections stay in use; DATABASE_UNAVAILABLE;
    /// DEADLINE_EXCEEDED, also for a statement beyond the role's own limit; otherwise what the
    /// [`DbError`](crate::DbError) of `work` becomes.
    pub fn read<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, Failure>>
    where
        T: Send + 'a,
        F: for<'c> Work<'c, T> + 'a,
    {
        Box::pin(self.attempt(Mode::Read, work))
    }

    /// Runs one statement that changes something, which commits by itself.
    ///
    /// It is retried when it was the victim of a deadlock, until the deadline, and cancelled at the deadline. The
    /// role's own limit on a statement holds too.
    ///
    /// The server commits after it has sent the last row, so `work` must read to the end: with `execute` or `load`, and
    /// not with `get_result` or `first`, which leave with the first row and never learn that the commit failed.
    ///
    /// # Errors
    /// Those of [`Database::read`]; OUTCOME_UNKNOWN when the connection broke while the statement ran.
    pub fn write<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, Failure>>
    where
        T: Send + 'a,
        F: for<'c> Work<'c, T> + 'a,
    {
        Box::pin(self.attempt(Mode::Write, work))
    }

    /// Runs statements in one transaction, which commits when `work` returns `Ok` and rolls back otherwise.
    ///
    /// The isolation level is READ COMMITTED. No statement runs for longer than the call's deadline allows, whatever the
    /// role's own limit is, which counts where there is no deadline. All of `work` is retried when it was the victim
    /// of a deadlock or could not be serialised, until the deadline, and once when the connection was lost before the
    /// commit. Deferred constraints are checked before the commit, and surface under their names. When a statement
    /// failed and `work` returns `Ok` all the same, nothing is committed and the answer is INTERNAL. When this future
    /// is dropped, the connection is closed at once, and with it go the transaction and its locks.
    ///
    /// # Errors
    /// Those of [`Database::read`]; OUTCOME_UNKNOWN when the connection broke during the commit.
    pub fn transaction<'a, T, F>(&'a self, work: F) -> BoxFuture<'a, Result<T, Failure>>
    where
        T: Send + 'a,
        F: for<'c> Work<'c, T> + 'a,
    {
        Box::pin(self.attempt(Mode::Transaction, work))
    }

    async fn attempt<T, F>(&self, mode: Mode, work: F) -> Result<T, Failure>
    where
        F: for<'c> Work<'c, T>,
    {
        let metrics = self.pool.metrics();
        let attempts = async move {
            let mut retries = Retries::new();
            loop {
                let lease = self.pool.checkout(mode.abandoned()).await?;
                let answer = match mode {
                    Mode::Read => attempt::read(lease, work.clone()).await,
                    Mode::Write => attempt::write(lease, work.clone()).await,
                    Mode::Transaction => attempt::transaction(lease, work.clone()).await,
                };
                match answer {
                    Err(Abort::Database(error)) => retries.again(error).await?,
                    answer => return answer.map_err(Failure::from),
                }
            }
        };
        counted::within(metrics, self.pool.server(), attempts).await
    }

    /// What the pool has.
    pub fn status(&self) -> PoolStatus {
        self.pool.status()
    }

    /// Ends the connections, those in use once they are given back. From now on every call fails with
    /// SERVICE_NOT_READY.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.status()).finish()
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Read,
    Write,
    Transaction,
}

impl Mode {
    fn abandoned(self) -> Abandoned {
        match self {
            Mode::Read => Abandoned::Drain,
            Mode::Write | Mode::Transaction => Abandoned::HangUp,
        }
    }
}
