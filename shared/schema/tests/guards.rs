//! The pair lock and the guards: nothing begins beside a block, however close in time.

use diesel_async::SimpleAsyncConnection;
use kith_postgres::Connection;
use kith_rules::Rule;
use kith_rules::social_graph::{
    FOLLOWS_NOT_BLOCKED, FRIEND_REQUESTS_NOT_BLOCKED, FRIEND_REQUESTS_NOT_FRIENDS, FRIENDSHIPS_NOT_BLOCKED,
};

use crate::support::{Database, broken, execute, make_users, refusal, strings};

const FOLLOW: &str = "INSERT INTO social_graph.follows VALUES (2, 1)";
const REQUEST: &str = "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (2, 1)";
const FRIENDSHIP: &str = "INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1)";
const BLOCK: &str = "INSERT INTO social_graph.blocks VALUES (1, 2)";

/// Puts the old functions out of use.
const NO_LOCKS: &str = "
    CREATE OR REPLACE FUNCTION social_graph.pair_lock(one bigint, other bigint) RETURNS void
        LANGUAGE sql RETURN NULL;
    CREATE OR REPLACE FUNCTION social_graph.pair_lock_shared(one bigint, other bigint) RETURNS void
        LANGUAGE sql RETURN NULL";

async fn with_users() -> Database {
    let database = Database::migrated().await;
    make_users(&mut database.owner().await, 4).await;
    database
}

async fn waiting(observer: &mut Connection) -> bool {
    let waiting = "SELECT pid FROM pg_locks WHERE NOT granted
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    !strings(observer, waiting).await.is_empty()
}

/// What becomes of `second` when it begins before `first` is committed.
async fn beside(database: &Database, first: &str, second: &str) -> String {
    let (one, other, observer) = (
        &mut database.owner().await,
        &mut database.owner().await,
        &mut database.owner().await,
    );
    execute(one, &format!("BEGIN; {first}")).await;
    let commit = async {
        while !waiting(observer).await {
            tokio::task::yield_now().await;
        }
        execute(one, "COMMIT").await;
    };
    futures::join!(commit, refusal(other, second)).1
}

// Control: the next test but one; without the locks, nobody waits and everything is let in.
#[tokio::test]
async fn what_meets_a_block_that_is_not_committed_waits_and_is_refused() {
    let cases: [(&str, &Rule); 3] = [
        (FOLLOW, &FOLLOWS_NOT_BLOCKED),
        (REQUEST, &FRIEND_REQUESTS_NOT_BLOCKED),
        (FRIENDSHIP, &FRIENDSHIPS_NOT_BLOCKED),
    ];
    for (insert, rule) in cases {
        let database = with_users().await;
        assert_eq!(
            beside(&database, BLOCK, insert).await,
            rule.constraint,
            "{insert}"
        );
        assert_eq!(broken(&mut database.owner().await).await, []);
    }
}

#[tokio::test]
async fn a_request_that_meets_a_friendship_waits_and_is_refused() {
    let database = with_users().await;
    let befriend = format!("SELECT social_graph.pair_lock(2, 1); {FRIENDSHIP}");
    let refused = beside(&database, &befriend, REQUEST).await;
    assert_eq!(refused, FRIEND_REQUESTS_NOT_FRIENDS.constraint);
}

#[tokio::test]
async fn without_the_locks_a_follow_slips_in_beside_a_block() {
    let database = with_users().await;
    let (one, other) = (&mut database.owner().await, &mut database.owner().await);
    execute(one, NO_LOCKS).await;
    execute(one, &format!("BEGIN; {BLOCK}")).await;
    assert_eq!(refusal(other, FOLLOW).await, "not refused");
    execute(one, "COMMIT").await;
    assert_eq!(broken(one).await[0].invariant, "nothing_beside_a_block");
}

/// A block that waited for a follow, and then deletes it in a statement of its own, or in the same one.
async fn block_that_waited(delete_in_the_same_statement: bool) -> Vec<String> {
    let database = with_users().await;
    let (block, cut) = (BLOCK, "DELETE FROM social_graph.follows WHERE follower_id = 2");
    let block = if delete_in_the_same_statement {
        format!("WITH made AS ({block}) {cut}")
    } else {
        format!("BEGIN; SELECT social_graph.pair_lock(1, 2); {block}; {cut}; COMMIT")
    };
    let (one, other, observer) = (
        &mut database.owner().await,
        &mut database.owner().await,
        &mut database.owner().await,
    );
    execute(one, &format!("BEGIN; {FOLLOW}")).await;
    let commit = async {
        while !waiting(observer).await {
            tokio::task::yield_now().await;
        }
        execute(one, "COMMIT").await;
    };
    let (blocked, ()) = futures::join!(other.batch_execute(&block), commit);
    blocked.expect("a block");
    let broken = broken(one).await.into_iter();
    broken.map(|broken| broken.invariant.to_owned()).collect()
}

#[tokio::test]
async fn a_block_in_statements_of_their_own_cuts_a_follow_that_it_waited_for() {
    assert_eq!(block_that_waited(false).await, [""; 0]);
}

/// The snapshot of the only statement is older than the lock.
#[tokio::test]
async fn a_block_in_one_statement_leaves_a_follow_that_it_waited_for() {
    assert_eq!(block_that_waited(true).await, ["nothing_beside_a_block"]);
}

#[tokio::test]
async fn adding_to_a_pair_from_both_sides_takes_turns_with_nobody() {
    let database = with_users().await;
    let (one, other) = (&mut database.owner().await, &mut database.owner().await);
    execute(one, "BEGIN; INSERT INTO social_graph.follows VALUES (1, 2)").await;
    execute(other, "SET lock_timeout = '100ms'").await;
    for insert in [
        "DELETE FROM social_graph.follows",
        "SELECT social_graph.pair_lock_shared(2, 1)",
        "SELECT social_graph.pair_lock(3, 1)",
    ] {
        assert_eq!(refusal(other, insert).await, "not refused", "{insert}");
    }
    let refused = refusal(other, "SELECT social_graph.pair_lock(2, 1)").await;
    assert_eq!(refused, "canceling statement due to lock timeout");
}

#[tokio::test]
async fn open_requests_of_one_user_take_turns_once_it_has_the_senders_lock() {
    let database = with_users().await;
    let (one, other) = (&mut database.owner().await, &mut database.owner().await);
    execute(one, "BEGIN; SELECT social_graph.sender_lock(1)").await;
    execute(other, "SET lock_timeout = '100ms'").await;
    assert_eq!(
        refusal(other, "SELECT social_graph.sender_lock(2)").await,
        "not refused"
    );
    let refused = refusal(other, "SELECT social_graph.sender_lock(1)").await;
    assert_eq!(refused, "canceling statement due to lock timeout");
}
