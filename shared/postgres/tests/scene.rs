//! What most tests need: a server, a database of one's own in it, and a second session to look in from outside.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::private::PrivateCluster;
use kith_postgres::{Connection, Database, DatabaseUrl, DbError, DbErrorKind, PoolSettings, run};
use kith_primitives::{Context, Failure, RequestId};
use tokio::time::Instant;

/// The server that all tests share; it ends with this process.
pub(crate) fn cluster() -> &'static PrivateCluster {
    static CLUSTER: OnceLock<PrivateCluster> = OnceLock::new();
    CLUSTER.get_or_init(start_cluster)
}

/// A server for tests that do it harm.
pub(crate) fn start_cluster() -> PrivateCluster {
    PrivateCluster::start_ephemeral().unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn parse(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// A database of one's own.
pub(crate) struct Scene {
    pub(crate) url: DatabaseUrl,
    pub(crate) database: Database,
}

impl Scene {
    /// With a table `items (id int primary key, name text)`.
    pub(crate) async fn new() -> Self {
        Self::with(PoolSettings::default()).await
    }

    pub(crate) async fn with(settings: PoolSettings) -> Self {
        let url = fresh_database("").await;
        let scene = Self {
            database: Database::new(&url, &settings),
            url,
        };
        scene
            .sql("CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL DEFAULT '')")
            .await;
        scene
    }

    /// A session of its own, outside of the pool.
    pub(crate) async fn session(&self) -> Connection {
        self.url.connect().await.expect("a session")
    }

    /// Runs statements in a session of their own.
    pub(crate) async fn sql(&self, sql: &str) {
        self.session()
            .await
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// A number from a session of its own.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        number(&mut self.session().await, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn items(&self) -> i64 {
        self.number("SELECT count(*) FROM items").await
    }

    /// The process that serves the pool's next connection.
    pub(crate) async fn backend(&self) -> i64 {
        self.database
            .read(async |conn: &mut Connection| Ok(backend(conn).await?))
            .await
            .expect("a backend")
    }
}

/// Makes a database in the shared server.
pub(crate) async fn fresh_database(options: &str) -> DatabaseUrl {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let maintenance = parse(&cluster().superuser_url("postgres"));
    let mut session = maintenance.connect().await.expect("a session");
    session
        .batch_execute(&format!("CREATE DATABASE {name} {options}"))
        .await
        .expect("a database");
    maintenance.with_database(&name)
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Word {
    #[diesel(sql_type = Text)]
    word: String,
}

pub(crate) async fn number(conn: &mut Connection, sql: &str) -> Result<i64, DbError> {
    let query = diesel::sql_query(format!("SELECT ({sql})::bigint AS number"));
    Ok(run("number", query.get_result::<Number>(conn)).await?.number)
}

pub(crate) async fn word(conn: &mut Connection, sql: &str) -> Result<String, DbError> {
    let query = diesel::sql_query(format!("SELECT ({sql})::text AS word"));
    Ok(run("word", query.get_result::<Word>(conn)).await?.word)
}

/// Runs one statement as services do.
pub(crate) async fn execute(conn: &mut Connection, sql: &str) -> Result<usize, DbError> {
    run("statement", diesel::sql_query(sql).execute(conn)).await
}

/// The process that serves a connection.
pub(crate) async fn backend(conn: &mut Connection) -> Result<i64, DbError> {
    number(conn, "pg_backend_pid()").await
}

/// Runs `work` as a call with this much time.
pub(crate) async fn with_deadline<T>(time: Duration, work: impl Future<Output = T>) -> T {
    let context = Context {
        request_id: RequestId::random(),
        deadline: Instant::now() + time,
        peer: None,
        client: None,
    };
    context.scope(work).await
}

/// What the database said, from within a failure.
pub(crate) fn kind(failure: &Failure) -> Option<&DbErrorKind> {
    failure.cause()?.downcast_ref().map(DbError::kind)
}

/// Asks until the answer is yes, for what happens in other processes; gives up after half a minute.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let give_up = Instant::now() + Duration::from_secs(30);
    while !check().await {
        assert!(Instant::now() < give_up, "not within half a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
