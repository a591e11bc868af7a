//! Whether a server will do.

use kith_postgres::{Database, PoolSettings, ServerProblem};
use kith_primitives::Reason;

use crate::scene::{Scene, fresh_database, parse};

#[tokio::test]
async fn a_private_server_will_do() {
    let scene = Scene::new().await;
    assert_eq!(scene.database.server_problems().await.expect("an answer"), []);
}

#[tokio::test]
async fn a_database_of_another_encoding_will_not() {
    let url = fresh_database("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'").await;
    let database = Database::new(&url, &PoolSettings::default());
    let problems = database.server_problems().await.expect("an answer");
    assert!(matches!(&problems[..], [ServerProblem::Encoding { encoding, .. }] if encoding == "SQL_ASCII"));
}

#[tokio::test]
async fn a_database_that_could_lose_acknowledged_changes_will_not() {
    let scene = Scene::new().await;
    let name = scene.url.database().expect("a name");
    for (value, will_do) in [("off", false), ("local", true), ("remote_apply", true)] {
        scene
            .sql(&format!(
                "ALTER DATABASE {name} SET synchronous_commit = '{value}'"
            ))
            .await;
        let database = Database::new(&scene.url, &PoolSettings::default());
        let problems = database.server_problems().await.expect("an answer");
        assert_eq!(problems.is_empty(), will_do, "{value}: {problems:?}");
    }
}

#[tokio::test]
async fn a_plain_role_that_may_only_read_can_ask_too() {
    let scene = Scene::new().await;
    let name = scene.url.database().expect("a name");
    scene
        .sql(&format!(
            "CREATE ROLE plain LOGIN; ALTER DATABASE {name} SET default_transaction_read_only = on"
        ))
        .await;
    let url = scene.url.clone().with_role("plain", None);
    let database = Database::new(&url, &PoolSettings::default());
    assert_eq!(database.server_problems().await.expect("an answer"), []);
}

#[tokio::test]
async fn a_server_that_is_away_is_no_problem_of_the_server() {
    let database = Database::new(
        &parse("postgres://kith@127.0.0.1:1/kith"),
        &PoolSettings::default(),
    );
    let failure = database.server_problems().await.expect_err("nobody there");
    assert_eq!(failure.reason(), Reason::DatabaseUnavailable);
}
