//! The primary keys of edges change under the data, and back.

use kith_schema::{Progress, migrate};

use crate::migrations::snapshot;
use crate::support::{Database, broken, execute, make_users, refusal, strings};

/// Newest first.
const STEPS: [(&str, &str); 7] = [
    (
        "2026-11-20-000039_primary_keys_with_times",
        include_str!("../migrations/2026-11-20-000039_primary_keys_with_times/down.sql"),
    ),
    (
        "2026-11-20-000029_mutes_primary_key",
        include_str!("../migrations/2026-11-20-000029_mutes_primary_key/down.sql"),
    ),
    (
        "2026-11-20-000028_friend_request_declines_primary_key",
        include_str!("../migrations/2026-11-20-000028_friend_request_declines_primary_key/down.sql"),
    ),
    (
        "2026-11-20-000027_mutes_page",
        include_str!("../migrations/2026-11-20-000027_mutes_page/down.sql"),
    ),
    (
        "2026-11-20-000026_blocks_primary_key",
        include_str!("../migrations/2026-11-20-000026_blocks_primary_key/down.sql"),
    ),
    (
        "2026-11-20-000025_friendships_primary_key",
        include_str!("../migrations/2026-11-20-000025_friendships_primary_key/down.sql"),
    ),
    (
        "2026-11-20-000024_follows_primary_key",
        include_str!("../migrations/2026-11-20-000024_follows_primary_key/down.sql"),
    ),
];

const ROWS: &str = "
    INSERT INTO social_graph.follows SELECT 1, id FROM identity.users WHERE id > 1;
    INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1);
    INSERT INTO social_graph.blocks VALUES (3, 4);
    INSERT INTO social_graph.mutes VALUES (1, 5, now(), now() + interval '1 day');
    INSERT INTO social_graph.friend_request_declines VALUES (6, 1, now() + interval '1 day');
";

const KEYS: &str = "SELECT pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'social_graph'::regnamespace AND contype = 'p' ORDER BY 1";

const EDGES: &str = "
    SELECT follows::text FROM social_graph.follows UNION ALL SELECT friendships::text FROM social_graph.friendships
    UNION ALL SELECT blocks::text FROM social_graph.blocks UNION ALL SELECT mutes::text FROM social_graph.mutes
    UNION ALL SELECT friend_request_declines::text FROM social_graph.friend_request_declines ORDER BY 1";

/// As of before the last `count` of the steps.
async fn revert(database: &Database, count: usize) {
    let conn = &mut database.owner().await;
    for (name, down) in &STEPS[..count] {
        execute(conn, down).await;
        let version: String = name.split('_').next().expect("a version").replace('-', "");
        execute(
            conn,
            &format!("DELETE FROM __diesel_schema_migrations WHERE version = '{version}'"),
        )
        .await;
    }
}

async fn migrated_again(database: &Database) -> Vec<String> {
    migrate(&database.url(), |_: Progress<'_>| {})
        .await
        .expect("migrations")
}

#[tokio::test]
async fn the_primary_keys_change_under_the_data_and_back() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 100).await;
    execute(conn, ROWS).await;
    let (schema, edges) = (snapshot(conn).await, strings(conn, EDGES).await);

    revert(&database, STEPS.len()).await;
    let plain = strings(conn, KEYS).await;
    assert!(!plain.concat().contains("INCLUDE"), "{plain:?}");
    assert_eq!(strings(conn, EDGES).await, edges);
    assert_eq!(broken(conn).await, []);

    let names: Vec<&str> = STEPS.iter().rev().map(|(name, _)| *name).collect();
    assert_eq!(migrated_again(&database).await, names);
    assert_eq!(snapshot(conn).await, schema);
    assert_eq!(strings(conn, EDGES).await, edges);
    assert_eq!(broken(conn).await, []);
}

// Control: where the migration does not make the mirror again, half a friendship is accepted.
#[tokio::test]
async fn the_mirror_holds_on_the_new_key() {
    let conn = &mut Database::scratch().await;
    make_users(conn, 2).await;
    execute(conn, "SET CONSTRAINTS ALL IMMEDIATE").await;
    let half = "INSERT INTO social_graph.friendships VALUES (1, 2)";
    assert_eq!(refusal(conn, half).await, "social_graph_friendships_mirror_fkey");
}

// Control: without the REINDEX, an index that is not valid becomes no primary key.
#[tokio::test]
async fn what_was_broken_off_goes_on_where_it_was() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 100).await;
    execute(conn, ROWS).await;
    let schema = snapshot(conn).await;
    revert(&database, 1).await;
    execute(
        conn,
        "ALTER TABLE social_graph.follows DROP CONSTRAINT social_graph_follows_pkey,
            ADD CONSTRAINT social_graph_follows_pkey PRIMARY KEY USING INDEX social_graph_follows_pkey_next;
        UPDATE pg_index SET indisvalid = false
            WHERE indexrelid = 'social_graph.social_graph_friendships_pkey_next'::regclass",
    )
    .await;
    migrated_again(&database).await;
    assert_eq!(snapshot(conn).await, schema);
    assert_eq!(broken(conn).await, []);
}
