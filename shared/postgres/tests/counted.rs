//! What is counted of a pool and of what goes through it is what happened.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kith_postgres::{Connection, Database, PoolSettings};
use kith_primitives::Reason;
use kith_telemetry::Metrics;
use tokio::sync::Barrier;

use crate::scene::{Scene, backend, eventually, execute, with_deadline};

/// The value of a series as it is written; `None` where there is none.
fn value(metrics: &Metrics, series: &str) -> Option<f64> {
    let text = metrics.text();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map(|value| value.parse().expect("a number"))
}

async fn counted(settings: &PoolSettings) -> (Scene, Metrics, Database) {
    let (scene, metrics) = (Scene::new().await, Metrics::new("test"));
    let database = Database::new(&scene.url, settings).counted_by(metrics.database());
    (scene, metrics, database)
}

#[tokio::test]
async fn a_deadlock_that_no_caller_saw_is_counted() {
    let (scene, metrics, database) = counted(&PoolSettings::default()).await;
    let deadlocks = r#"kith_db_retries_total{reason="deadlock"}"#;
    assert_eq!(value(&metrics, deadlocks), Some(0.0));
    scene.sql("INSERT INTO items VALUES (1), (2)").await;
    let meet = Barrier::new(2);
    let change_both = async |first: i32, second: i32| {
        let attempts = AtomicU32::new(0);
        let change = |id: i32| format!("UPDATE items SET name = 'x' WHERE id = {id}");
        let work = async |conn: &mut Connection| {
            execute(conn, &change(first)).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                meet.wait().await;
            }
            execute(conn, &change(second)).await?;
            Ok(())
        };
        database.transaction(work).await.expect("a commit");
        f64::from(attempts.load(Ordering::Relaxed)) - 1.0
    };
    let (one, other) = tokio::join!(change_both(1, 2), change_both(2, 1));
    assert!(one + other >= 1.0, "there was no deadlock");
    assert_eq!(value(&metrics, deadlocks), Some(one + other));
    let commits = r#"db_client_operation_duration_seconds_count{db_query_summary="commit"}"#;
    assert_eq!(value(&metrics, commits), Some(2.0));
}

#[tokio::test]
async fn connections_are_used_or_idle_and_who_gets_none_in_time_is_counted() {
    let settings = PoolSettings {
        size: 1,
        checkout_timeout: Duration::from_millis(300),
        ..PoolSettings::default()
    };
    let (_scene, metrics, database) = counted(&settings).await;
    let count = |state: &str| {
        value(
            &metrics,
            &format!(r#"db_client_connection_count{{state="{state}"}}"#),
        )
    };
    let one = async |conn: &mut Connection| Ok(backend(conn).await?);
    eventually("there is one", async || database.read(one).await.is_ok()).await;
    assert_eq!((count("idle"), count("used")), (Some(1.0), Some(0.0)));
    assert_eq!(value(&metrics, "db_client_connection_max"), Some(1.0));
    let before = value(&metrics, "db_client_connection_timeouts_total").expect("a count");
    let waits = value(&metrics, "db_client_connection_wait_time_seconds_count").expect("a count");
    let work = async |_: &mut Connection| {
        assert_eq!((count("idle"), count("used")), (Some(0.0), Some(1.0)));
        database.read(one).await.expect_err("no connection");
        Ok(())
    };
    database.read(work).await.expect("it held the one");
    assert_eq!(
        value(&metrics, "db_client_connection_timeouts_total"),
        Some(before + 1.0)
    );
    assert_eq!(
        value(&metrics, "db_client_connection_wait_time_seconds_count"),
        Some(waits + 2.0)
    );
    drop(database);
    // A pool that is gone has nothing to tell.
    assert_eq!(count("idle"), None);
}

// Control: `timed_out` whoever's patience ended; it was 1.
#[tokio::test]
async fn a_caller_who_cannot_wait_for_a_connection_says_nothing_about_the_pool() {
    let settings = PoolSettings {
        size: 1,
        checkout_timeout: Duration::from_secs(60),
        ..PoolSettings::default()
    };
    let (_scene, metrics, database) = counted(&settings).await;
    let one = async |conn: &mut Connection| Ok(backend(conn).await?);
    let work = async |_: &mut Connection| {
        let hurried = with_deadline(Duration::from_millis(100), database.read(one)).await;
        let failure = hurried.expect_err("no connection");
        assert_eq!(failure.reason(), Reason::DeadlineExceeded);
        Ok(())
    };
    database.read(work).await.expect("it held the one");
    assert_eq!(value(&metrics, "db_client_connection_timeouts_total"), Some(0.0));
}

#[tokio::test]
async fn statements_beside_a_counted_database_are_not_counted() {
    let (scene, metrics, database) = counted(&PoolSettings::default()).await;
    scene.backend().await;
    let series = r#"db_client_operation_duration_seconds_count{db_query_summary="number"}"#;
    assert_eq!(value(&metrics, series), None);
    let read = database.read(async |conn: &mut Connection| Ok(backend(conn).await?));
    read.await.expect("a backend");
    assert_eq!(value(&metrics, series), Some(1.0));
}
