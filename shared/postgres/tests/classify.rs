//! Every error that can be told apart, provoked.

use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_postgres::{Connection, DbError, DbErrorKind, OptionalRow, run};
use rustix::process::{Pid, Signal, kill_process};

use crate::scene::{Scene, eventually, execute, number, parse, start_cluster};

/// The kind of error that the last of these statements gives.
async fn kind_of(conn: &mut Connection, statements: &[&str]) -> DbErrorKind {
    let (last, first) = statements.split_last().expect("a statement");
    for sql in first {
        let _ = conn.batch_execute(sql).await;
    }
    execute(conn, last).await.expect_err(last).kind().clone()
}

fn constraint(name: &str) -> DbErrorKind {
    DbErrorKind::Constraint(name.to_owned())
}

#[tokio::test]
async fn broken_constraints_have_their_names() {
    let scene = Scene::new().await;
    let conn = &mut scene.session().await;
    conn.batch_execute(
        "CREATE TABLE parents (id integer CONSTRAINT a_key PRIMARY KEY);
         CREATE TABLE children (
            parent integer CONSTRAINT a_parent REFERENCES parents ON DELETE RESTRICT,
            size integer CONSTRAINT a_check CHECK (size > 0),
            area box, CONSTRAINT an_exclusion EXCLUDE USING gist (area WITH &&));
         CREATE DOMAIN small AS integer CONSTRAINT a_domain CHECK (VALUE < 10);
         INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1, '(0,0),(1,1)');",
    )
    .await
    .expect("tables");
    for (sql, name) in [
        ("INSERT INTO parents VALUES (1)", "a_key"),
        ("INSERT INTO children (parent) VALUES (2)", "a_parent"),
        ("DELETE FROM parents", "a_parent"),
        ("INSERT INTO children (size) VALUES (0)", "a_check"),
        (
            "INSERT INTO children (area) VALUES ('(0,0),(2,2)')",
            "an_exclusion",
        ),
        ("SELECT 10::small", "a_domain"),
        (
            "DO $$ BEGIN RAISE 'no' USING ERRCODE = '23514', CONSTRAINT = 'a_trigger'; END $$",
            "a_trigger",
        ),
    ] {
        assert_eq!(kind_of(conn, &[sql]).await, constraint(name), "{sql}");
    }
}

#[tokio::test]
async fn a_missing_value_has_table_and_column() {
    let scene = Scene::new().await;
    let kind = kind_of(
        &mut scene.session().await,
        &["INSERT INTO items VALUES (1, NULL)"],
    )
    .await;
    assert_eq!(
        kind,
        DbErrorKind::NotNull {
            table: "items".to_owned(),
            column: "name".to_owned()
        }
    );
}

#[tokio::test]
async fn what_one_session_can_do_wrong() {
    let scene = Scene::new().await;
    for (statements, expected) in [
        (
            &["SET statement_timeout = '20ms'", "SELECT pg_sleep(9)"][..],
            DbErrorKind::StatementTimeout,
        ),
        (
            &["BEGIN", "SELECT 1 / 0", "SELECT 1"],
            DbErrorKind::TransactionAborted,
        ),
        (
            &["SET default_transaction_read_only = on", "DELETE FROM items"],
            DbErrorKind::ReadOnly,
        ),
        (
            &["SELECT pg_cancel_backend(pg_backend_pid())"],
            DbErrorKind::Cancelled,
        ),
        (
            &["SELECT pg_terminate_backend(pg_backend_pid())"],
            DbErrorKind::ConnectionLost,
        ),
        (
            &["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 1"],
            DbErrorKind::ConnectionLost,
        ),
        (&["SELECT 9223372036854775807 + 1"], DbErrorKind::OutOfRange),
        (&["SELECT '9223372036854775808'::bigint"], DbErrorKind::OutOfRange),
        (&["SELECT 99999::smallint"], DbErrorKind::OutOfRange),
        (
            &["SELECT 'infinity'::timestamptz - interval '1 day' + 'x'::text::interval"],
            DbErrorKind::Unexpected,
        ),
        (&["SELECT no_such_function()"], DbErrorKind::Unexpected),
        (
            &["DO $$ BEGIN RAISE 'x' USING ERRCODE = '40001'; END $$"],
            DbErrorKind::SerializationFailure,
        ),
        (
            &["DO $$ BEGIN RAISE 'x' USING ERRCODE = '23514'; END $$"],
            DbErrorKind::Unexpected,
        ),
    ] {
        assert_eq!(
            kind_of(&mut scene.session().await, statements).await,
            expected,
            "{statements:?}"
        );
    }
}

#[tokio::test]
async fn values_that_the_database_cannot_hold() {
    let scene = Scene::new().await;
    let conn = &mut scene.session().await;
    let nul = diesel::sql_query("SELECT $1")
        .bind::<Text, _>("a\0b")
        .execute(conn);
    assert_eq!(
        *run("nul", nul).await.expect_err("NUL").kind(),
        DbErrorKind::InvalidText
    );
    let long_ago = chrono::DateTime::from_timestamp(-300_000_000_000, 0).expect("a time");
    let ancient = diesel::sql_query("SELECT $1")
        .bind::<Timestamptz, _>(long_ago)
        .execute(conn);
    assert_eq!(
        *run("ancient", ancient).await.expect_err("too old").kind(),
        DbErrorKind::OutOfRange
    );
    let sum = diesel::sql_query("SELECT $1 + $1")
        .bind::<BigInt, _>(i64::MAX)
        .execute(conn);
    assert_eq!(
        *run("sum", sum).await.expect_err("too large").kind(),
        DbErrorKind::OutOfRange
    );
}

#[tokio::test]
async fn locks_that_another_session_holds() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let mut holder = scene.session().await;
    holder
        .batch_execute("BEGIN; SELECT FROM items FOR UPDATE; LOCK pg_class IN ROW SHARE MODE")
        .await
        .expect("a lock");
    for statements in [
        &["SET lock_timeout = '20ms'", "DELETE FROM items"][..],
        &["SELECT FROM items FOR UPDATE NOWAIT"],
        &["BEGIN", "LOCK items NOWAIT"],
    ] {
        let kind = kind_of(&mut scene.session().await, statements).await;
        assert_eq!(kind, DbErrorKind::LockTimeout, "{statements:?}");
    }
}

#[tokio::test]
async fn a_deadlock() {
    let scene = Scene::new().await;
    let (mut one, mut other) = (scene.session().await, scene.session().await);
    one.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)")
        .await
        .expect("a lock");
    other
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock(2)")
        .await
        .expect("a lock");
    let crossing = async |conn: &mut Connection, key: i32| {
        let answer = execute(conn, &format!("SELECT pg_advisory_xact_lock({key})")).await;
        let _ = conn.batch_execute("ROLLBACK").await;
        answer
    };
    let answers = tokio::join!(crossing(&mut one, 2), crossing(&mut other, 1));
    let victims: Vec<DbError> = [answers.0.err(), answers.1.err()].into_iter().flatten().collect();
    assert_eq!(
        victims.iter().map(DbError::kind).collect::<Vec<_>>(),
        [&DbErrorKind::Deadlock]
    );
    let cause = std::error::Error::source(&victims[0])
        .expect("a cause")
        .to_string();
    assert!(
        cause.contains("waits for ExclusiveLock on advisory lock"),
        "{cause}"
    );
}

#[tokio::test]
async fn rows_that_cannot_be_serialized() {
    let scene = Scene::new().await;
    scene.sql("INSERT INTO items VALUES (1)").await;
    let mut late = scene.session().await;
    late.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM items")
        .await
        .expect("a snapshot");
    scene.sql("UPDATE items SET name = 'x'").await;
    assert_eq!(
        kind_of(&mut late, &["DELETE FROM items"]).await,
        DbErrorKind::SerializationFailure
    );
}

#[tokio::test]
async fn a_row_that_is_not_there() {
    let scene = Scene::new().await;
    let missing = number(&mut scene.session().await, "SELECT id FROM items").await;
    assert_eq!(
        *missing.expect_err("NULL for a number").kind(),
        DbErrorKind::Unexpected
    );
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let conn = &mut scene.session().await;
    let find = diesel::sql_query("SELECT id::bigint FROM items").get_result::<Row>(conn);
    let found = run("item_find", find).await;
    assert_eq!(
        found.as_ref().map(|row| row.id).expect_err("no row").kind(),
        &DbErrorKind::NoRow
    );
    assert!(found.optional().expect("none").is_none());
}

#[tokio::test]
async fn a_full_lock_table_and_a_server_that_stops() {
    let cluster = tokio::task::spawn_blocking(start_cluster)
        .await
        .expect("a server");
    let url = parse(&cluster.superuser_url("postgres"));
    let conn = &mut url.connect().await.expect("a session");
    let greedy = "SELECT count(pg_advisory_xact_lock(n)) FROM generate_series(1, 2000000) n";
    assert_eq!(kind_of(conn, &[greedy]).await, DbErrorKind::OutOfLocks);

    // A smart shutdown waits for this session and lets nobody else in.
    let pid = std::fs::read_to_string(cluster.directory().join("data/postmaster.pid")).expect("a pid file");
    let pid = Pid::from_raw(
        pid.lines()
            .next()
            .and_then(|line| line.parse().ok())
            .expect("a pid"),
    )
    .expect("a pid");
    kill_process(pid, Signal::TERM).expect("to signal it");
    eventually("the server lets nobody in", async || {
        url.connect()
            .await
            .err()
            .is_some_and(|error| *error.kind() == DbErrorKind::Unreachable)
    })
    .await;
    // A fast one ends it.
    let stop = async { kill_process(pid, Signal::INT).expect("to signal it") };
    let (answer, ()) = tokio::join!(execute(conn, "SELECT pg_sleep(60)"), stop);
    assert_eq!(*answer.expect_err("the end").kind(), DbErrorKind::ConnectionLost);
}
