//! Callers who hang up leave nothing behind.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::{Abort, Connection, Database, PoolSettings};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::scene::{Scene, eventually, execute};

/// Far less than the minute for which a statement sleeps, and enough for a busy machine.
const PROMPTLY: Duration = Duration::from_secs(15);

/// A statement has come to sleep, or to wait for an advisory lock.
async fn somebody_waits(scene: &Scene) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event IN ('PgSleep', 'advisory')";
    eventually("the statement runs", async || scene.number(waiting).await == 1).await;
}

/// Takes the lock on all rows, tells, and does not end by itself.
async fn hold_lock(database: Database, then: &'static str, locked: &Notify) {
    let work = async |conn: &mut Connection| -> Result<(), Abort> {
        execute(conn, "UPDATE items SET name = 'held'").await?;
        locked.notify_one();
        execute(conn, then).await?;
        std::future::pending().await
    };
    drop(database.transaction(work).await);
}

async fn the_lock_is_free(scene: &Scene) {
    timeout(PROMPTLY, scene.sql("UPDATE items SET name = name || 'free'"))
        .await
        .expect("the lock");
    assert_eq!(
        scene
            .number("SELECT count(*) FROM items WHERE name = 'free'")
            .await,
        1
    );
}

#[tokio::test]
async fn the_locks_of_a_dropped_transaction_are_free_at_once() {
    let (scene, locked) = (Scene::new().await, Notify::new());
    scene.sql("INSERT INTO items VALUES (1)").await;
    tokio::select! {
        () = hold_lock(scene.database.clone(), "SELECT 1", &locked) => unreachable!("it waits for ever"),
        () = locked.notified() => {}
    }
    the_lock_is_free(&scene).await;
}

#[tokio::test]
async fn the_locks_of_a_transaction_dropped_within_a_statement_are_free_at_once() {
    let (scene, locked) = (Scene::new().await, Notify::new());
    scene.sql("INSERT INTO items VALUES (1)").await;
    tokio::select! {
        () = hold_lock(scene.database.clone(), "SELECT pg_sleep(60)", &locked) => unreachable!("it sleeps"),
        () = somebody_waits(&scene) => {}
    }
    the_lock_is_free(&scene).await;
}

async fn hang_up_read(scene: &Scene, sql: &'static str) {
    tokio::select! {
        answer = scene.database.read(async |conn: &mut Connection| Ok(execute(conn, sql).await?)) => {
            panic!("it should still run: {answer:?}")
        }
        () = somebody_waits(scene) => {}
    }
}

#[tokio::test]
async fn the_connection_of_a_dropped_read_is_used_again() {
    let scene = Scene::with(PoolSettings {
        size: 1,
        ..PoolSettings::default()
    })
    .await;
    let backend = scene.backend().await;
    let mut holder = scene.session().await;
    holder
        .batch_execute("SELECT pg_advisory_lock(1)")
        .await
        .expect("the lock");
    hang_up_read(&scene, "SELECT pg_advisory_lock_shared(1)").await;
    let (next, released) = tokio::join!(
        scene.backend(),
        holder.batch_execute("SELECT pg_advisory_unlock_all()")
    );
    released.expect("the lock");
    assert_eq!(next, backend);
}

#[tokio::test]
async fn a_dropped_read_that_takes_too_long_is_stopped_and_holds_nobody_up() {
    let scene = Scene::with(PoolSettings {
        size: 1,
        ..PoolSettings::default()
    })
    .await;
    let backend = scene.backend().await;
    hang_up_read(&scene, "SELECT pg_sleep(60)").await;
    assert_ne!(
        timeout(PROMPTLY, scene.backend())
            .await
            .expect("another connection"),
        backend
    );
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}");
    eventually("the statement is stopped", async || {
        scene.number(&gone).await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_hang_ups_leave_no_transaction_open_and_nothing_half_done() {
    let scene = Scene::with(PoolSettings {
        checkout_timeout: PROMPTLY,
        ..PoolSettings::default()
    })
    .await;
    let calls = (0..200).map(|call| {
        let database = scene.database.clone();
        // From a quarter of a millisecond to eight seconds, each doubling as likely as the others, so that on any
        // machine some hang up at every stage and some do not.
        let patience = Duration::from_micros(250).mul_f64(2_f64.powf(rand::random_range(0.0..15.0)));
        tokio::spawn(timeout(patience, async move {
            let insert = async |conn: &mut Connection, half: i32| {
                execute(
                    conn,
                    &format!("INSERT INTO items VALUES ({}, 'call {call}')", 2 * call + half),
                )
                .await
            };
            let work = async |conn: &mut Connection| {
                insert(conn, 0).await?;
                Ok(insert(conn, 1).await?)
            };
            database.transaction(work).await.is_ok()
        }))
    });
    let answers = futures::future::join_all(calls).await;
    let hung_up = answers.iter().flatten().filter(|answer| answer.is_err()).count();
    assert!(
        (1..200).contains(&hung_up),
        "{hung_up} of 200 hung up, which tests nothing"
    );
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND state <> 'idle'";
    eventually("no transaction is open", async || scene.number(open).await == 0).await;
    assert_eq!(
        scene
            .number("SELECT count(*) FROM (SELECT FROM items GROUP BY name HAVING count(*) <> 2) half")
            .await,
        0
    );
}
