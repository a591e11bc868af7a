//! Which connections are handed out, and when there is none.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel_async::{AnsiTransactionManager, RunQueryDsl, SimpleAsyncConnection, TransactionManager};
use kith_postgres::{Connection, Database, DbErrorKind, PoolSettings, run};
use kith_primitives::Reason;
use tokio::net::TcpListener;
use tokio::sync::Barrier;

use crate::proxy::{Fault, Proxy};
use crate::scene::{Scene, backend, eventually, execute, kind, parse, with_deadline, word};

const LONG: Duration = Duration::from_secs(30);

/// For which whoever wants it waits longer than any busy machine takes.
fn one_connection() -> PoolSettings {
    PoolSettings {
        size: 1,
        checkout_timeout: LONG,
        connect_timeout: LONG,
        ..PoolSettings::default()
    }
}

/// As [`one_connection`], for which nobody waits long, whatever may take longer.
fn one_connection_soon() -> PoolSettings {
    PoolSettings {
        checkout_timeout: Duration::from_millis(300),
        ..one_connection()
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_noticed_by_the_call_and_not_before() {
    let database = Database::new(
        &parse("postgres://kith@127.0.0.1:1/kith"),
        &PoolSettings::default(),
    );
    let read = database.read(async |conn: &mut Connection| Ok(backend(conn).await?));
    let failure = read.await.expect_err("nobody there");
    assert_eq!(failure.reason(), Reason::DatabaseUnavailable);
    assert_eq!(kind(&failure), Some(&DbErrorKind::Unreachable));
    assert!(failure.retry_after().is_some());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_within_the_checkout_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let database = Database::new(
        &parse(&format!("postgres://kith@{address}/kith")),
        &one_connection_soon(),
    );
    let started = Instant::now();
    let read = database.read(async |conn: &mut Connection| Ok(backend(conn).await?));
    assert_eq!(
        read.await.expect_err("no answer").reason(),
        Reason::DatabaseUnavailable
    );
    // A login by itself gets ten seconds.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn waiting_for_a_connection_ends_with_the_timeout_or_the_deadline() {
    let scene = Scene::with(one_connection_soon()).await;
    let one = async |conn: &mut Connection| Ok(backend(conn).await?);
    // A busy machine takes its time to make it.
    eventually("there is one", async || scene.database.read(one).await.is_ok()).await;
    let work = async |_: &mut Connection| {
        assert_eq!(scene.database.status().available, 0);
        let waiting = async |conn: &mut Connection| Ok(backend(conn).await?);
        let late = scene.database.read(waiting).await.expect_err("no connection");
        let later = with_deadline(Duration::from_millis(50), scene.database.read(waiting)).await;
        Ok((late, later.expect_err("no time")))
    };
    let (late, later) = scene.database.read(work).await.expect("an answer");
    assert_eq!(
        (late.reason(), later.reason()),
        (Reason::ServerOverloaded, Reason::DeadlineExceeded)
    );
    assert!(late.retry_after().is_some());
    assert!(late.cause().expect("a cause").to_string().contains("max_size: 1"));
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_not_handed_out() {
    let scene = Scene::with(one_connection()).await;
    let ended = scene.backend().await;
    scene.sql(&format!("SELECT pg_terminate_backend({ended})")).await;
    assert_ne!(scene.backend().await, ended);
}

#[tokio::test]
async fn a_connection_within_a_transaction_is_not_handed_out() {
    let scene = Scene::with(one_connection()).await;
    let forgotten = async |conn: &mut Connection| {
        let _ = AnsiTransactionManager::begin_transaction(conn).await;
        Ok(backend(conn).await?)
    };
    let forgotten = scene.database.read(forgotten).await.expect("a backend");
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {forgotten}");
    eventually("the connection is closed", async || {
        scene.number(&gone).await == 0
    })
    .await;
    assert_ne!(scene.backend().await, forgotten);
}

#[tokio::test]
async fn a_young_connection_is_used_again_and_an_old_one_replaced() {
    let lasting = Scene::with(one_connection()).await;
    assert_eq!(lasting.backend().await, lasting.backend().await);
    let brief = Scene::with(PoolSettings {
        max_lifetime: Duration::ZERO,
        ..one_connection()
    })
    .await;
    assert_ne!(brief.backend().await, brief.backend().await);
}

#[tokio::test]
async fn an_old_connection_that_nobody_wants_is_ended() {
    let brief = Duration::from_millis(20);
    let settings = PoolSettings {
        idle_check_after: brief,
        max_lifetime: brief,
        ..one_connection()
    };
    let scene = Scene::with(settings).await;
    scene.backend().await;
    eventually("the connection is ended", async || {
        scene.database.status().size == 0
    })
    .await;
}

#[tokio::test]
async fn once_an_idle_connection_is_silent_all_are_replaced() {
    let (scene, proxy) = (Scene::new().await, Proxy::start().await);
    let settings = PoolSettings {
        idle_check_after: Duration::ZERO,
        // A quarter of which is for the question.
        checkout_timeout: 4 * Duration::from_secs(2),
        ..PoolSettings::default()
    };
    let database = Database::new(&proxy.url(&scene.url), &settings);
    let both_are_here = Barrier::new(2);
    let meet = async |conn: &mut Connection| {
        both_are_here.wait().await;
        Ok(backend(conn).await?)
    };
    let (one, other) = tokio::join!(database.read(meet), database.read(meet));
    let known = [one.expect("a backend"), other.expect("a backend")];
    let read = async |conn: &mut Connection| Ok(backend(conn).await?);
    assert!(known.contains(&database.read(read).await.expect("a backend")));
    // The question that an idle connection is asked: an empty simple query.
    proxy.inject(Fault::Silence(b"Q\0\0\0\x05\0"));
    assert!(!known.contains(&database.read(read).await.expect("another backend")));
    assert!(proxy.has_struck());
}

#[tokio::test]
async fn a_connection_that_takes_no_writes_is_replaced() {
    let scene = Scene::with(one_connection()).await;
    let name = scene.url.database().expect("a name");
    scene
        .sql(&format!(
            "ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await;
    let write = async |conn: &mut Connection| Ok(execute(conn, "INSERT INTO items VALUES (1)").await?);
    let failure = scene.database.write(write).await.expect_err("read only");
    assert_eq!(
        (failure.reason(), kind(&failure)),
        (Reason::DatabaseUnavailable, Some(&DbErrorKind::ReadOnly))
    );
    scene
        .sql(&format!(
            "BEGIN READ WRITE; ALTER DATABASE {name} RESET ALL; COMMIT"
        ))
        .await;
    assert_eq!(scene.database.write(write).await.expect("a row"), 1);
}

diesel::table! {
    labels (id) {
        id -> Integer,
        label -> Text,
    }
}

async fn label(conn: &mut Connection) -> Result<String, kith_postgres::Abort> {
    Ok(run(
        "label_find",
        labels::table.find(1).select(labels::label).get_result(conn),
    )
    .await?)
}

#[tokio::test]
async fn a_migration_that_changes_a_column_goes_unnoticed_by_all_connections() {
    let scene = Scene::new().await;
    scene
        .sql("CREATE TABLE labels (id integer, label varchar(9)); INSERT INTO labels VALUES (1, 'one')")
        .await;
    let both_are_here = Barrier::new(2);
    let read = async |conn: &mut Connection| {
        both_are_here.wait().await;
        label(conn).await
    };
    let (one, other) = tokio::join!(scene.database.read(read), scene.database.read(read));
    assert!(one.is_ok() && other.is_ok() && scene.database.status().size == 2);
    scene.sql("ALTER TABLE labels ALTER label TYPE text").await;
    // The second attempt must not get the other connection, which has the same old statement.
    let answer = scene
        .database
        .read(async |conn: &mut Connection| label(conn).await);
    assert_eq!(answer.await.expect("a label"), "one");
}

#[tokio::test]
async fn a_migration_goes_unnoticed_by_transactions_too() {
    let scene = Scene::with(one_connection()).await;
    scene
        .sql("CREATE TABLE labels (id integer, label varchar(9)); INSERT INTO labels VALUES (1, 'one')")
        .await;
    let work = async |conn: &mut Connection| label(conn).await;
    scene.database.transaction(work).await.expect("a label");
    scene.sql("ALTER TABLE labels ALTER label TYPE text").await;
    assert_eq!(scene.database.transaction(work).await.expect("a label"), "one");
}

#[tokio::test]
async fn many_reads_share_a_few_connections() {
    let scene = Scene::with(PoolSettings {
        size: 4,
        checkout_timeout: LONG,
        ..PoolSettings::default()
    })
    .await;
    let read = async |conn: &mut Connection| Ok(execute(conn, "SELECT pg_sleep(0.002)").await?);
    let reads = (0..100).map(|_| scene.database.read(read));
    let answers = futures::future::join_all(reads).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(scene.database.status().size <= 4);
}

#[tokio::test]
async fn too_many_connections_are_told_from_other_refusals() {
    let scene = Scene::new().await;
    scene.sql("CREATE ROLE guest LOGIN CONNECTION LIMIT 1").await;
    let url = scene.url.clone().with_role("guest", None);
    let _only = url.connect().await.expect("the one that is allowed");
    let refusal = async |role: &str| {
        let database = Database::new(&url.clone().with_role(role, None), &PoolSettings::default());
        database
            .read(async |conn: &mut Connection| Ok(backend(conn).await?))
            .await
            .expect_err("a refusal")
    };
    for (role, expected) in [
        ("guest", DbErrorKind::TooManyConnections),
        ("nobody", DbErrorKind::LoginRefused),
    ] {
        let failure = refusal(role).await;
        assert_eq!(failure.reason(), Reason::DatabaseUnavailable);
        assert_eq!(kind(&failure), Some(&expected));
    }
}

#[tokio::test]
async fn connections_carry_the_name_of_the_program_and_speak_utc() {
    let scene = Scene::new().await;
    let url = scene.url.clone().with_application_name("kith-identity");
    let database = Database::new(&url, &PoolSettings::default());
    let settings = "current_setting('application_name') || ' ' || current_setting('TimeZone')";
    let read = database.read(async |conn: &mut Connection| Ok(word(conn, settings).await?));
    assert_eq!(read.await.expect("an answer"), "kith-identity UTC");
}

#[tokio::test]
async fn a_closed_pool_ends_its_connections_and_serves_nobody() {
    let scene = Scene::with(one_connection()).await;
    let backend = scene.backend().await;
    assert_eq!(scene.database.status().size, 1);
    scene.database.close();
    let read = scene
        .database
        .read(async |conn: &mut Connection| Ok(conn.batch_execute("").await.is_ok()));
    assert_eq!(read.await.expect_err("closed").reason(), Reason::ServiceNotReady);
    let gone = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {backend}");
    eventually("the connection is ended", async || scene.number(&gone).await == 0).await;
}
