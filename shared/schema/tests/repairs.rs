//! Migrations that meet data of an earlier schema.

use diesel::migration::CREATE_MIGRATIONS_TABLE;
use kith_postgres::Connection;
use kith_schema::migrate;

use crate::support::{Database, broken, execute, make_users, strings};

const BEFORE_THE_CHECK: &[(&str, &str)] = &[
    (
        "20261120000001",
        include_str!("../migrations/2026-11-20-000001_foundation/up.sql"),
    ),
    (
        "20261120000002",
        include_str!("../migrations/2026-11-20-000002_identity/up.sql"),
    ),
    (
        "20261120000003",
        include_str!("../migrations/2026-11-20-000003_follows/up.sql"),
    ),
];

/// A database as it was before self-follows were refused.
async fn with_self_follows() -> Database {
    let database = Database::bootstrapped().await;
    let conn = &mut database.owner().await;
    execute(conn, CREATE_MIGRATIONS_TABLE).await;
    for (version, up) in BEFORE_THE_CHECK {
        execute(conn, up).await;
        execute(
            conn,
            &format!("INSERT INTO __diesel_schema_migrations VALUES ('{version}')"),
        )
        .await;
    }
    make_users(conn, 3).await;
    execute(
        conn,
        "INSERT INTO social_graph.follows VALUES (1, 1), (1, 2), (2, 2), (3, 2)",
    )
    .await;
    database
}

async fn follows(conn: &mut Connection) -> Vec<String> {
    let query =
        "SELECT format('%s follows %s', follower_id, followed_id) FROM social_graph.follows ORDER BY 1";
    strings(conn, query).await
}

#[tokio::test]
async fn self_follows_are_deleted_before_they_are_refused() {
    let database = with_self_follows().await;
    let applied = migrate(&database.url(), |_| {}).await.expect("migrations");
    assert_eq!(
        applied[..2],
        [
            "2026-11-20-000004_follows_no_self_follow",
            "2026-11-20-000005_follow_counts"
        ]
    );
    assert_eq!(
        follows(&mut database.owner().await).await,
        ["1 follows 2", "3 follows 2"]
    );
}

#[tokio::test]
async fn follows_that_were_there_before_the_counts_are_counted() {
    let database = with_self_follows().await;
    migrate(&database.url(), |_| {}).await.expect("migrations");
    let conn = &mut database.owner().await;
    let query = "SELECT format('%s: %s, %s', user_id, followers, following)
        FROM social_graph.follow_counts ORDER BY user_id";
    assert_eq!(strings(conn, query).await, ["1: 0, 1", "2: 2, 0", "3: 0, 1"]);
    assert_eq!(broken(conn).await, []);
}

#[tokio::test]
async fn users_who_were_there_before_the_search_are_found() {
    let database = with_self_follows().await;
    let conn = &mut database.owner().await;
    let named = "UPDATE identity.users SET first_name = 'Ada', last_name = 'LOVELACE' WHERE id = 1";
    execute(conn, named).await;
    migrate(&database.url(), |_| {}).await.expect("migrations");
    let names = "SELECT name FROM identity.user_names WHERE user_id = 1 ORDER BY name";
    assert_eq!(
        strings(conn, names).await,
        ["ada", "ada lovelace", "lovelace", "u1"]
    );
    assert_eq!(broken(conn).await, []);
}
