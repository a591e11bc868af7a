//! The hot queries are served by their indexes, in order, whether planned for their arguments or for any.
//!
//! They stand here as the schema means to serve them. Whether the services send such statements is tested where the
//! services run: tests/e2e, `plans`.

use kith_postgres::Connection;
use tokio::sync::OnceCell;

use crate::support::{Database, execute, make_users, strings};

static FILLED: OnceCell<Database> = OnceCell::const_new();

/// 2,000 users, each of whom follows some 30, and two of whom everybody follows.
async fn filled() -> Database {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 2000).await;
    let follows = "INSERT INTO social_graph.follows (follower_id, followed_id, created_at)
        SELECT follower, followed, now() - random() * interval '1 year'
        FROM generate_series(1, 2000) AS follower, LATERAL (
            SELECT (follower * 7 + step * step * 31) % 2000 + 1 FROM generate_series(1, 30) AS step
            UNION VALUES (1), (2)) AS following (followed)
        WHERE follower <> followed;
        ANALYZE";
    execute(conn, follows).await;
    database
}

/// The plan for these arguments, and the one that a pooled connection settles on for any.
async fn plans(query: &str, arguments: &str) -> [String; 2] {
    let database = FILLED.get_or_init(filled).await;
    let conn = &mut database.owner().await;
    let explain = "CREATE FUNCTION pg_temp.explain(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
        BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || statement; END $$";
    execute(conn, &format!("{explain}; PREPARE hot AS {query}")).await;
    [
        plan(conn, "force_custom_plan", arguments).await,
        plan(conn, "force_generic_plan", arguments).await,
    ]
}

async fn plan(conn: &mut Connection, mode: &str, arguments: &str) -> String {
    execute(conn, &format!("SET plan_cache_mode = {mode}")).await;
    let explain = format!("SELECT * FROM pg_temp.explain($statement$EXECUTE hot ({arguments})$statement$)");
    strings(conn, &explain).await.join("\n")
}

async fn assert_served_by(index: &str, query: &str, arguments: &str) {
    for plan in plans(query, arguments).await {
        assert!(plan.contains(&format!(" using {index} on ")), "{plan}");
        assert!(
            !plan.contains("Sort") && !plan.contains("Seq Scan") && !plan.contains("Filter"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn does_one_follow_the_other() {
    let query = "SELECT created_at FROM social_graph.follows WHERE follower_id = $1 AND followed_id = $2";
    assert_served_by("social_graph_follows_pkey", query, "7, 2").await;
}

#[tokio::test]
async fn followers_newest_first() {
    let first = "SELECT follower_id, created_at FROM social_graph.follows WHERE followed_id = $1
        ORDER BY created_at DESC, follower_id DESC LIMIT $2";
    let next = "SELECT follower_id, created_at FROM social_graph.follows
        WHERE followed_id = $1 AND (created_at, follower_id) < ($2, $3)
        ORDER BY created_at DESC, follower_id DESC LIMIT $4";
    assert_served_by("social_graph_follows_followers_page", first, "1, 51").await;
    assert_served_by("social_graph_follows_followers_page", next, "1, now(), 7, 51").await;
}

#[tokio::test]
async fn following_newest_first() {
    let first = "SELECT followed_id, created_at FROM social_graph.follows WHERE follower_id = $1
        ORDER BY created_at DESC, followed_id DESC LIMIT $2";
    let next = "SELECT followed_id, created_at FROM social_graph.follows
        WHERE follower_id = $1 AND (created_at, followed_id) < ($2, $3)
        ORDER BY created_at DESC, followed_id DESC LIMIT $4";
    assert_served_by("social_graph_follows_following_page", first, "7, 51").await;
    assert_served_by("social_graph_follows_following_page", next, "7, now(), 7, 51").await;
}

#[tokio::test]
async fn users_by_name_and_by_email_address() {
    let username =
        r#"SELECT id FROM identity.users WHERE lower(username COLLATE "C") = lower($1 COLLATE "C")"#;
    let email = r#"SELECT id FROM identity.users WHERE lower(email COLLATE "C") = lower($1 COLLATE "C")"#;
    assert_served_by("identity_users_username_key", username, "'U7'").await;
    assert_served_by("identity_users_email_key", email, "'A@B'").await;
}

#[tokio::test]
#[should_panic(expected = "Sort")]
async fn a_query_in_another_order_is_noticed() {
    let query = "SELECT follower_id FROM social_graph.follows WHERE followed_id = $1 ORDER BY created_at, follower_id DESC";
    assert_served_by("social_graph_follows_followers_page", query, "1").await;
}
