//! Counts equal COUNT(*), whatever happens to the rows they count.

use kith_postgres::Connection;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::{Database, broken, execute, make_users, refusal, strings};

const USERS: u32 = 24;

/// A statement that changes any number of follows in one way or another.
fn random_change(random: &mut StdRng) -> String {
    let pairs = |random: &mut StdRng| {
        let pairs: Vec<_> = (0..random.random_range(1..40))
            .map(|_| random_pair(random))
            .collect();
        pairs.join(", ")
    };
    match random.random_range(0..14) {
        8..=10 => format!(
            "WITH pairs AS (
                SELECT DISTINCT least(a, b) AS low, greatest(a, b) AS high FROM (VALUES {}) AS pairs (a, b)
                WHERE a <> b AND a IN (SELECT id FROM identity.users) AND b IN (SELECT id FROM identity.users)
            )
            INSERT INTO social_graph.friendships (user_id, friend_id)
            SELECT low, high FROM pairs UNION ALL SELECT high, low FROM pairs
            ON CONFLICT DO NOTHING",
            pairs(random)
        ),
        // Of most friendships one row, of some both.
        11..=12 => format!(
            "DELETE FROM social_graph.friendships WHERE (user_id, friend_id) IN ({})",
            pairs(random)
        ),
        13 => format!(
            "DELETE FROM social_graph.friendships WHERE {} IN (user_id, friend_id)",
            user(random)
        ),
        0..=3 => format!(
            "INSERT INTO social_graph.follows (follower_id, followed_id)
            SELECT follower_id, followed_id FROM (VALUES {}) AS pairs (follower_id, followed_id)
            WHERE follower_id <> followed_id AND follower_id IN (SELECT id FROM identity.users)
                AND followed_id IN (SELECT id FROM identity.users)
            ON CONFLICT DO NOTHING",
            pairs(random)
        ),
        4..=5 => {
            format!(
                "DELETE FROM social_graph.follows WHERE (follower_id, followed_id) IN ({})",
                pairs(random)
            )
        }
        6 => format!(
            "UPDATE social_graph.follows SET created_at = now() WHERE {} = follower_id",
            user(random)
        ),
        _ => format!(
            "DELETE FROM identity.users WHERE id IN ({}, {})",
            user(random),
            user(random)
        ),
    }
}

fn user(random: &mut StdRng) -> u32 {
    random.random_range(1..=USERS)
}

fn random_pair(random: &mut StdRng) -> String {
    format!("({}, {})", user(random), user(random))
}

async fn make_missing_users(conn: &mut Connection) {
    let statement = format!(
        "INSERT INTO identity.users (id, username) OVERRIDING SYSTEM VALUE
            SELECT id, 'u' || id FROM generate_series(1, {USERS}) AS id ON CONFLICT DO NOTHING;
        INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING"
    );
    execute(conn, &statement).await;
}

#[tokio::test]
async fn counts_are_right_after_each_of_many_random_changes() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    let mut random = StdRng::seed_from_u64(7);
    for step in 0..350 {
        if step % 20 == 0 {
            make_missing_users(conn).await;
        }
        let change = random_change(&mut random);
        execute(conn, &change).await;
        assert_eq!(broken(conn).await, [], "step {step}: {change}");
    }
}

#[tokio::test]
async fn a_change_that_is_rolled_back_is_not_counted() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 2).await;
    execute(
        conn,
        "BEGIN; INSERT INTO social_graph.follows VALUES (1, 2); ROLLBACK",
    )
    .await;
    execute(conn, "INSERT INTO social_graph.follows VALUES (2, 1)").await;
    assert_eq!(broken(conn).await, []);
}

#[tokio::test]
async fn single_follows_and_unfollows_beside_user_deletions_never_deadlock() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_missing_users(conn).await;
    let churn = (0..4).map(|seed| churn(&database, seed, 400));
    let deletions = delete_and_make_users(&database, 60);
    let (refusals, ()) = futures::join!(futures::future::join_all(churn), deletions);
    let unexpected: Vec<_> = refusals
        .concat()
        .into_iter()
        .filter(|refusal| !expected(refusal))
        .collect();
    assert_eq!(unexpected, [""; 0]);
    assert_eq!(broken(conn).await, []);
}

/// What may happen to a single follow or unfollow.
fn expected(refusal: &str) -> bool {
    refusal == "not refused" || refusal.ends_with("_id_fkey")
}

async fn churn(database: &Database, seed: u64, changes: u32) -> Vec<String> {
    let conn = &mut database.owner().await;
    let mut random = StdRng::seed_from_u64(seed);
    let mut refusals = Vec::new();
    for _ in 0..changes {
        let (one, other) = (user(&mut random), user(&mut random));
        let change = if one == other || random.random_range(0..3) == 0 {
            format!("DELETE FROM social_graph.follows WHERE (follower_id, followed_id) = ({one}, {other})")
        } else {
            format!("INSERT INTO social_graph.follows VALUES ({one}, {other}) ON CONFLICT DO NOTHING")
        };
        refusals.push(refusal(conn, &change).await);
    }
    refusals
}

async fn delete_and_make_users(database: &Database, deletions: u32) {
    let conn = &mut database.owner().await;
    let mut random = StdRng::seed_from_u64(99);
    for deletion in 0..deletions {
        execute(
            conn,
            &format!("DELETE FROM identity.users WHERE id = {}", user(&mut random)),
        )
        .await;
        if deletion % 3 == 0 {
            make_missing_users(conn).await;
        }
    }
}

#[tokio::test]
async fn without_the_trigger_the_drift_of_friends_is_found() {
    for trigger in ["add", "subtract"] {
        let database = Database::migrated().await;
        let conn = &mut database.owner().await;
        make_users(conn, 2).await;
        execute(
            conn,
            &format!("DROP TRIGGER social_graph_friendships_counts_{trigger} ON social_graph.friendships"),
        )
        .await;
        let insert = "INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1)";
        let change = match trigger {
            "add" => insert.to_owned(),
            _ => format!("{insert}; DELETE FROM social_graph.friendships"),
        };
        execute(conn, &change).await;
        assert_eq!(broken(conn).await.len(), 2, "{trigger}");
    }
}

#[tokio::test]
async fn without_the_trigger_the_drift_is_found() {
    for trigger in ["add", "subtract"] {
        let database = Database::migrated().await;
        let conn = &mut database.owner().await;
        make_users(conn, 2).await;
        execute(
            conn,
            &format!("DROP TRIGGER social_graph_follows_counts_{trigger} ON social_graph.follows"),
        )
        .await;
        let change = match trigger {
            "add" => "INSERT INTO social_graph.follows VALUES (1, 2)",
            _ => "INSERT INTO social_graph.follows VALUES (1, 2); DELETE FROM social_graph.follows",
        };
        execute(conn, change).await;
        assert_eq!(broken(conn).await.len(), 2, "{trigger}");
    }
}

/// 20 users in a ring of follows and friendships, whose counts lie on disk from the last user to the first.
async fn ring() -> Database {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 20).await;
    for user in (1..=20).rev() {
        let next = user % 20 + 1;
        let edges = format!(
            "INSERT INTO social_graph.follows VALUES ({user}, {next});
            INSERT INTO social_graph.friendships VALUES ({user}, {next}), ({next}, {user})"
        );
        execute(conn, &edges).await;
    }
    execute(conn, "ANALYZE").await;
    database
}

/// How many of the others' counts are free while `change`, which alters the counts of all, waits for those of user 1.
async fn free_while_waiting(counts: &str, change: &str) -> usize {
    let database = ring().await;
    let (first, waiting, observer) = (
        &mut database.owner().await,
        &mut database.owner().await,
        &mut database.owner().await,
    );
    execute(
        first,
        &format!("BEGIN; SELECT FROM social_graph.{counts} WHERE user_id = 1 FOR UPDATE"),
    )
    .await;
    let observation = async {
        let blocked = "SELECT pid FROM pg_locks WHERE NOT granted
            AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
        while strings(observer, blocked).await.is_empty() {
            tokio::task::yield_now().await;
        }
        let free =
            format!("SELECT user_id FROM social_graph.{counts} WHERE user_id > 1 FOR UPDATE SKIP LOCKED");
        let free = strings(observer, &free).await.len();
        execute(first, "ROLLBACK").await;
        free
    };
    futures::join!(observation, execute(waiting, change)).0
}

#[tokio::test]
async fn counts_are_changed_in_the_order_of_users() {
    let insert = "INSERT INTO social_graph.follows
        SELECT id, (id + 1) % 20 + 1 FROM identity.users ORDER BY id DESC";
    let delete = "DELETE FROM social_graph.follows";
    for change in [insert, delete] {
        assert_eq!(free_while_waiting("follow_counts", change).await, 19, "{change}");
    }
}

// Control: without the ORDER BY of the upsert, or of the locks, counts of others are locked while it waits.
#[tokio::test]
async fn counts_of_friends_are_changed_in_the_order_of_users() {
    let insert = "WITH pairs AS (
            SELECT id AS one, (id + 4) % 20 + 1 AS other FROM identity.users ORDER BY id DESC
        )
        INSERT INTO social_graph.friendships SELECT one, other FROM pairs UNION ALL SELECT other, one FROM pairs";
    let delete = "DELETE FROM social_graph.friendships";
    for change in [insert, delete] {
        assert_eq!(free_while_waiting("friend_counts", change).await, 19, "{change}");
    }
}
