//! Connections that break, before, during and after the commit.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::sql_types::Integer;
use diesel::{QueryableByName, sql_query};
use kith_postgres::{Connection, Database, PoolSettings, run};
use kith_primitives::{Failure, Reason};

use crate::proxy::{Fault, Proxy};
use crate::scene::{Scene, backend, execute, with_deadline};

struct Broken {
    scene: Scene,
    proxy: Proxy,
    database: Database,
    attempts: AtomicU32,
}

impl Broken {
    async fn new() -> Self {
        let (scene, proxy) = (Scene::new().await, Proxy::start().await);
        let database = Database::new(&proxy.url(&scene.url), &PoolSettings::default());
        Self {
            scene,
            proxy,
            database,
            attempts: AtomicU32::new(0),
        }
    }

    /// Makes the first connection, so that it is there when the time of a call begins.
    async fn connect(&self) {
        let read = async |conn: &mut Connection| Ok(backend(conn).await?);
        self.database.read(read).await.expect("a connection");
    }

    async fn insert_in_transaction(&self) -> Result<usize, Failure> {
        let work = async |conn: &mut Connection| {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            Ok(execute(conn, "INSERT INTO items VALUES (1)").await?)
        };
        self.database.transaction(work).await
    }

    async fn insert(&self) -> Result<usize, Failure> {
        let work = async |conn: &mut Connection| {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            Ok(execute(conn, "INSERT INTO items VALUES (1)").await?)
        };
        self.database.write(work).await
    }

    /// The outcome is unknown, it was tried once, and it left this many rows.
    async fn assert_unknown(&self, answer: Result<usize, Failure>, items: i64) {
        let failure = answer.expect_err("a broken connection");
        assert_eq!(
            (failure.reason(), failure.retry_after()),
            (Reason::OutcomeUnknown, None)
        );
        assert_eq!(self.attempts.load(Ordering::Relaxed), 1);
        assert!(self.proxy.has_struck());
        assert_eq!(self.scene.items().await, items);
    }
}

#[tokio::test]
async fn a_connection_cut_before_the_commit_arrives_leaves_the_outcome_unknown() {
    let broken = Broken::new().await;
    broken.proxy.inject(Fault::CutBefore(b"; COMMIT"));
    let answer = broken.insert_in_transaction().await;
    broken.assert_unknown(answer, 0).await;
}

#[tokio::test]
async fn a_connection_cut_after_the_commit_leaves_the_outcome_unknown() {
    let broken = Broken::new().await;
    broken.proxy.inject(Fault::CutAfter(b"; COMMIT"));
    let answer = broken.insert_in_transaction().await;
    broken.assert_unknown(answer, 1).await;
}

#[tokio::test]
async fn a_commit_that_nobody_answers_is_unknown_soon_after_the_deadline() {
    let broken = Broken::new().await;
    broken.connect().await;
    broken.proxy.inject(Fault::Silence(b"; COMMIT"));
    let answer = with_deadline(Duration::from_secs(2), broken.insert_in_transaction()).await;
    broken.assert_unknown(answer, 0).await;
}

#[tokio::test]
async fn a_single_write_whose_answer_is_lost_is_unknown_too() {
    let broken = Broken::new().await;
    broken.connect().await;
    // The message Execute, without a limit of rows.
    broken.proxy.inject(Fault::CutAfter(b"E\0\0\0\x09\0\0\0\0\0"));
    let answer = broken.insert().await;
    broken.assert_unknown(answer, 1).await;
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_is_replaced() {
    let broken = Broken::new().await;
    broken.proxy.inject(Fault::CutBefore(b"INSERT"));
    assert_eq!(broken.insert_in_transaction().await.expect("a commit"), 1);
    assert_eq!(broken.attempts.load(Ordering::Relaxed), 2);
    assert_eq!(broken.scene.items().await, 1);
}

#[tokio::test]
async fn a_lost_read_is_done_again() {
    let broken = Broken::new().await;
    broken.proxy.inject(Fault::CutBefore(b"SELECT FROM items"));
    let work = async |conn: &mut Connection| Ok(execute(conn, "SELECT FROM items").await?);
    broken.database.read(work).await.expect("an answer");
    assert!(broken.proxy.has_struck());
}

#[derive(QueryableByName)]
struct Item {
    #[diesel(sql_type = Integer)]
    id: i32,
}

/// A follow was once answered by its first row.
#[tokio::test]
async fn a_write_that_reads_to_the_end_learns_that_its_commit_failed() {
    use diesel_async::RunQueryDsl as _;

    let scene = Scene::new().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not at the end'; END $$;
        CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT ON items DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()";
    scene.sql(refuse).await;
    let insert = || sql_query("INSERT INTO items VALUES (1) RETURNING id");
    let to_the_end = async |conn: &mut Connection| Ok(run("insert", insert().load::<Item>(conn)).await?);
    assert!(scene.database.write(to_the_end).await.is_err());
    // Control: the first row alone says that all is well.
    let first = async |conn: &mut Connection| Ok(run("insert", insert().get_result::<Item>(conn)).await?.id);
    assert_eq!(scene.database.write(first).await.ok(), Some(1));
    assert_eq!(scene.items().await, 0);
}
