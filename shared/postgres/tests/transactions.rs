//! Transactions commit exactly when they say so.

use std::sync::Arc;

use diesel_async::{AnsiTransactionManager, AsyncConnection, TransactionManager};
use kith_postgres::{Abort, Connection, Database, PoolSettings};
use kith_primitives::{Failure, Reason};

use crate::scene::{Scene, execute, kind, word};

/// As a handler is: it borrows, it is generic over nothing, and it must be `Send`.
async fn items_create(database: &Database, ids: &[i32], name: &str) -> Result<usize, Failure> {
    database
        .transaction(async |conn| {
            let mut rows = 0;
            for id in ids {
                rows += item_create_in_txn(conn, *id, name).await?;
            }
            Ok(rows)
        })
        .await
}

async fn item_create_in_txn(conn: &mut Connection, id: i32, name: &str) -> Result<usize, Abort> {
    Ok(execute(conn, &format!("INSERT INTO items VALUES ({id}, '{name}')")).await?)
}

#[tokio::test]
async fn work_may_borrow_and_its_caller_be_spawned() {
    let scene = Scene::new().await;
    let (database, ids) = (scene.database.clone(), Arc::new(vec![1, 2, 3]));
    let call = async move { items_create(&database, &ids, "borrowed").await };
    assert_eq!(tokio::spawn(call).await.expect("no panic").expect("a commit"), 3);
    assert_eq!(scene.items().await, 3);
}

#[tokio::test]
async fn a_refusal_rolls_back_and_comes_out_as_it_was() {
    let scene = Scene::with(PoolSettings {
        size: 1,
        ..PoolSettings::default()
    })
    .await;
    let backend = scene.backend().await;
    let work = async |conn: &mut Connection| -> Result<(), Abort> {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        Err(Failure::new(Reason::NotOwner, "not yours").into())
    };
    let failure = scene.database.transaction(work).await.expect_err("a refusal");
    assert_eq!(
        (failure.reason(), failure.message()),
        (Reason::NotOwner, "not yours")
    );
    assert_eq!(scene.items().await, 0);
    assert_eq!(scene.backend().await, backend, "the connection is still good");
}

#[tokio::test]
async fn a_swallowed_error_is_never_a_commit() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        let _ = execute(conn, "INSERT INTO items VALUES (1)").await;
        Ok(())
    };
    let failure = scene.database.transaction(work).await.expect_err("no commit");
    assert_eq!(failure.reason(), Reason::Internal);
    assert_eq!(scene.items().await, 0);
    assert_eq!(
        items_create(&scene.database, &[1], "after")
            .await
            .expect("a good connection"),
        1
    );
}

#[tokio::test]
async fn a_deferred_constraint_surfaces_under_its_name() {
    let scene = Scene::new().await;
    scene
        .sql(
            "ALTER TABLE items ADD parent integer CONSTRAINT social_graph_follows_followed_id_fkey
        REFERENCES items DEFERRABLE INITIALLY DEFERRED",
        )
        .await;
    let work = async |conn: &mut Connection| Ok(execute(conn, "INSERT INTO items VALUES (1, '', 7)").await?);
    let failure = scene.database.transaction(work).await.expect_err("no parent");
    assert_eq!(failure.reason(), Reason::UserNotFound);
    assert_eq!(
        failure.metadata()["constraint"],
        "social_graph_follows_followed_id_fkey"
    );
    assert_eq!(scene.items().await, 0);
}

#[tokio::test]
async fn a_transaction_within_is_a_savepoint() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        let inner = async |conn: &mut Connection| -> Result<(), diesel::result::Error> {
            let _ = execute(conn, "INSERT INTO items VALUES (2)").await;
            Err(diesel::result::Error::RollbackTransaction)
        };
        let _ = conn.transaction(inner).await;
        Ok(())
    };
    scene.database.transaction(work).await.expect("a commit");
    assert_eq!(scene.number("SELECT sum(id) FROM items").await, 1);
}

#[tokio::test]
async fn the_isolation_level_is_not_left_to_the_server() {
    let scene = Scene::new().await;
    let name = scene.url.database().expect("a name");
    scene
        .sql(&format!(
            "ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'"
        ))
        .await;
    let work =
        async |conn: &mut Connection| Ok(word(conn, "current_setting('transaction_isolation')").await?);
    let level = scene.database.transaction(work).await;
    assert_eq!(level.expect("an answer"), "read committed");
}

#[tokio::test]
async fn a_savepoint_left_open_is_a_defect_and_no_commit() {
    let scene = Scene::new().await;
    let work = async |conn: &mut Connection| {
        execute(conn, "INSERT INTO items VALUES (1)").await?;
        let _ = AnsiTransactionManager::begin_transaction(conn).await;
        Ok(())
    };
    let failure = scene.database.transaction(work).await.expect_err("no commit");
    assert_eq!(failure.reason(), Reason::Internal);
    assert_eq!(scene.items().await, 0);
}

#[tokio::test]
async fn a_panic_takes_the_transaction_with_it() {
    let scene = Scene::new().await;
    let database = scene.database.clone();
    let panicking = tokio::spawn(async move {
        let work = async |conn: &mut Connection| -> Result<(), Abort> {
            execute(conn, "INSERT INTO items VALUES (1)").await?;
            panic!("on purpose")
        };
        database.transaction(work).await
    });
    assert!(panicking.await.expect_err("a panic").is_panic());
    assert_eq!(
        items_create(&scene.database, &[1], "after")
            .await
            .expect("no lock is left"),
        1
    );
}

#[tokio::test]
async fn a_broken_rule_is_the_failure_of_the_catalogue() {
    let scene = Scene::new().await;
    scene
        .sql("ALTER TABLE items ADD CONSTRAINT social_graph_follows_no_self_follow CHECK (id > 0)")
        .await;
    let failure = items_create(&scene.database, &[-1], "")
        .await
        .expect_err("the check");
    let expected = kith_rules::social_graph::FOLLOWS_NO_SELF_FOLLOW.failure();
    assert_eq!(
        (failure.reason(), failure.message()),
        (expected.reason(), expected.message())
    );
    assert_eq!(
        (failure.metadata(), failure.violations()),
        (expected.metadata(), expected.violations())
    );
}

#[tokio::test]
async fn an_unknown_constraint_is_a_defect_whose_words_stay_in_the_log() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let failure = items_create(&scene.database, &[1], "")
        .await
        .expect_err("a duplicate");
    assert_eq!(
        (failure.reason(), failure.message()),
        (Reason::Internal, "internal error")
    );
    assert!(kind(&failure).is_some());
    let cause = failure
        .cause()
        .and_then(std::error::Error::source)
        .map(ToString::to_string);
    assert_eq!(
        cause.as_deref(),
        Some(r#"duplicate key value violates unique constraint "items_pkey""#)
    );
}
