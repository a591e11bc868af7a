//! Nothing runs on for a caller who no longer waits.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::{Connection, Database, PoolSettings};
use kith_primitives::{Context, Reason};

use crate::scene::{Scene, eventually, execute, number, with_deadline};

const SHORT: Duration = Duration::from_millis(200);
const SLEEPERS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep%'
        AND state = 'active' AND pid <> pg_backend_pid()";

async fn nobody_sleeps(scene: &Scene) {
    eventually("the statement is stopped", async || {
        scene.number(SLEEPERS).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_statement_of_a_transaction_ends_at_the_deadline() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        Ok(execute(conn, "SELECT pg_sleep(60)").await?)
    };
    let failure = with_deadline(SHORT, scene.database.transaction(work))
        .await
        .expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
    nobody_sleeps(&scene).await;
    assert_eq!(scene.items().await, 0);
}

#[tokio::test]
async fn a_single_write_is_cancelled_at_the_deadline() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        Ok(execute(conn, "INSERT INTO items SELECT 1 FROM pg_sleep(60)").await?)
    };
    let failure = with_deadline(SHORT, scene.database.write(work))
        .await
        .expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
    nobody_sleeps(&scene).await;
    assert_eq!(scene.items().await, 0);
}

#[tokio::test]
async fn a_read_is_given_up_at_the_deadline() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| Ok(execute(conn, "SELECT pg_sleep(60)").await?);
    let failure = with_deadline(SHORT, scene.database.read(work))
        .await
        .expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
    // The next borrower of the connection stops it.
    scene.backend().await;
    nobody_sleeps(&scene).await;
}

#[tokio::test]
async fn nothing_is_committed_once_the_deadline_has_passed() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        tokio::time::sleep(Context::time_left().expect("a deadline")).await;
        Ok(())
    };
    let failure = with_deadline(SHORT, scene.database.transaction(work))
        .await
        .expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
    assert_eq!(scene.items().await, 0);
}

/// In milliseconds; 0 is none.
async fn limit(database: &Database) -> i64 {
    let limit = "SELECT setting FROM pg_settings WHERE name = 'statement_timeout'";
    let work = async |conn: &mut Connection| Ok(number(conn, limit).await?);
    database.transaction(work).await.expect("an answer")
}

/// A database whose sessions have a limit of their own.
async fn limited(scene: &Scene, limit: &str) -> Database {
    let name = scene.url.database().expect("a name");
    scene
        .sql(&format!(
            "ALTER DATABASE {name} SET statement_timeout = '{limit}'"
        ))
        .await;
    Database::new(&scene.url, &PoolSettings::default())
}

#[tokio::test]
async fn the_deadline_alone_is_the_limit_and_the_roles_own_where_there_is_none() {
    let scene = Scene::new().await;
    assert_eq!(limit(&scene.database).await, 0);
    let database = limited(&scene, "30s").await;
    assert_eq!(limit(&database).await, 30_000);
    for seconds in [5, 60] {
        let millis = with_deadline(Duration::from_secs(seconds), limit(&database)).await;
        let whole = i64::try_from(seconds * 1000).expect("milliseconds");
        assert!((whole - 4000..=whole).contains(&millis), "{millis}");
    }
}

// It said that the deadline had passed, a minute before it did.
#[tokio::test]
async fn the_roles_own_limit_does_not_end_a_transaction_and_is_not_called_the_deadline() {
    let scene = Scene::new().await;
    let database = limited(&scene, "300ms").await;
    let work = async |conn: &mut Connection| Ok(execute(conn, "SELECT pg_sleep(1)").await?);
    let minute = Duration::from_secs(60);
    with_deadline(minute, database.transaction(work))
        .await
        .expect("a commit");
    for failure in [
        with_deadline(minute, database.read(work)).await,
        database.transaction(work).await,
    ] {
        let failure = failure.expect_err("the limit");
        assert_eq!(failure.reason(), Reason::DeadlineExceeded);
        assert!(!failure.message().contains("deadline"), "{}", failure.message());
    }
}

#[tokio::test]
async fn the_limit_ends_with_the_transaction() {
    let scene = Scene::with(PoolSettings {
        size: 1,
        ..PoolSettings::default()
    })
    .await;
    with_deadline(Duration::from_secs(5), limit(&scene.database)).await;
    assert_eq!(limit(&scene.database).await, 0);
}

#[tokio::test]
async fn a_lock_that_is_not_to_be_had_ends_at_the_deadline() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let mut holder = scene.session().await;
    holder
        .batch_execute("BEGIN; SELECT FROM items FOR UPDATE")
        .await
        .expect("the lock");
    let work = async |conn: &mut Connection| Ok(execute(conn, "DELETE FROM items").await?);
    let failure = with_deadline(SHORT, scene.database.transaction(work))
        .await
        .expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
}
