//! Deadlocks and serialization failures are retried, so that no caller sees one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kith_postgres::{Abort, Connection, DbErrorKind};
use kith_primitives::{Failure, Reason};
use tokio::sync::Barrier;

use crate::scene::{Scene, execute, kind, with_deadline};

/// Changes two rows one after the other, and waits in between for the other call to be there too, the first time.
async fn change_both(scene: &Scene, first: i32, second: i32, meet: &Barrier) -> Result<u32, Failure> {
    let attempts = AtomicU32::new(0);
    let change = |id: i32| format!("UPDATE items SET name = name || 'x' WHERE id = {id}");
    scene
        .database
        .transaction(async |conn: &mut Connection| {
            let attempt = attempts.fetch_add(1, Ordering::Relaxed);
            execute(conn, &change(first)).await?;
            if attempt == 0 {
                meet.wait().await;
            }
            execute(conn, &change(second)).await?;
            Ok(attempt + 1)
        })
        .await
}

#[tokio::test]
async fn both_sides_of_a_deadlock_succeed() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1), (2)").await;
    let meet = Barrier::new(2);
    let (one, other) = tokio::join!(change_both(&scene, 1, 2, &meet), change_both(&scene, 2, 1, &meet));
    assert!(
        one.expect("a commit") + other.expect("a commit") > 2,
        "there was no deadlock"
    );
    assert_eq!(scene.number("SELECT sum(length(name)) FROM items").await, 4);
}

#[tokio::test]
async fn what_cannot_be_serialized_is_done_again_from_the_start() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let attempts = AtomicU32::new(0);
    let work = async |conn: &mut Connection| {
        execute(conn, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
        execute(conn, "SELECT FROM items").await?;
        if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
            scene.sql("UPDATE items SET name = 'other'").await;
        }
        Ok(execute(conn, "UPDATE items SET name = name || ' and mine'").await?)
    };
    scene.database.transaction(work).await.expect("a commit");
    assert_eq!(attempts.into_inner(), 2);
    assert_eq!(
        scene
            .number("SELECT count(*) FROM items WHERE name = 'other and mine'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_single_write_is_retried_too() {
    let scene = Scene::new().await;
    scene.sql("CREATE SEQUENCE attempts").await;
    let conflict = "DO $$ BEGIN IF nextval('attempts') < 3 THEN RAISE 'on purpose' USING ERRCODE = '40001'; END IF; END $$";
    scene
        .database
        .write(async |conn: &mut Connection| Ok(execute(conn, conflict).await?))
        .await
        .expect("done");
    assert_eq!(scene.number("SELECT last_value FROM attempts").await, 3);
}

#[tokio::test]
async fn a_lock_that_somebody_keeps_is_not_called_an_outage() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let mut holder = scene.session().await;
    execute(&mut holder, "BEGIN").await.expect("a transaction");
    execute(&mut holder, "DELETE FROM items").await.expect("the lock");
    let work = async |conn: &mut Connection| {
        execute(conn, "SET LOCAL lock_timeout = '20ms'").await?;
        Ok(execute(conn, "DELETE FROM items").await?)
    };
    let failure = scene.database.transaction(work).await.expect_err("no lock");
    assert_eq!(kind(&failure), Some(&DbErrorKind::LockTimeout));
    assert!(
        failure.message().contains("somebody else holds"),
        "{}",
        failure.message()
    );
    assert!(failure.retry_after().is_some());
}

#[tokio::test]
async fn a_conflict_without_end_ends_at_the_deadline() {
    let scene = Scene::new().await;
    let attempts = AtomicU32::new(0);
    let work = async |conn: &mut Connection| -> Result<(), Abort> {
        attempts.fetch_add(1, Ordering::Relaxed);
        execute(
            conn,
            "DO $$ BEGIN RAISE 'on purpose' USING ERRCODE = '40001'; END $$",
        )
        .await?;
        Ok(())
    };
    let call = with_deadline(Duration::from_secs(3), scene.database.transaction(work));
    let failure = call.await.expect_err("the deadline");
    assert_eq!(failure.reason(), Reason::DeadlineExceeded);
    assert!(attempts.into_inner() > 2);
}
