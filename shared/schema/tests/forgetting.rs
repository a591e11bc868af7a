//! Whoever deletes a user takes its conversations first, in an order that is also that of those who send and mark.

use kith_postgres::Connection;
use kith_schema::Role;

use crate::support::{Database, broken, execute, make_users, refusal, strings};

/// What identity does to delete user 2.
const DELETE: &str =
    "BEGIN; SELECT messaging.user_forget(2); DELETE FROM identity.users WHERE id = 2; COMMIT";

/// Leaves the conversations to the foreign keys.
const NOTHING_FORGOTTEN: &str = "
    CREATE OR REPLACE FUNCTION messaging.user_forget(forgotten_id bigint) RETURNS void LANGUAGE sql AS 'SELECT'";

const NO_LOCK: &str = "
    CREATE OR REPLACE FUNCTION messaging.user_lock_shared(wanted_id bigint) RETURNS void LANGUAGE sql RETURN NULL";

/// User 2 has a conversation with 1 and a later one with 3, where the foreign keys go to the later one first: 2 is the lower one
/// there.
async fn talked() -> Database {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 4).await;
    let conversations = "
        INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq) VALUES (1, 2, 1), (2, 3, 1);
        INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq)
            SELECT id, low_user_id, high_user_id, 0 FROM messaging.conversations
            UNION ALL SELECT id, high_user_id, low_user_id, 1 FROM messaging.conversations;
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
            SELECT id, 1, low_user_id, high_user_id, 'hello' FROM messaging.conversations";
    execute(conn, conversations).await;
    database
}

async fn until_somebody_waits(observer: &mut Connection) {
    let waiting = "SELECT pid FROM pg_locks WHERE NOT granted
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    while strings(observer, waiting).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

/// What becomes of the user's own call, whose second statement comes when the deletion waits for its first, and what of the
/// deletion.
async fn deleted_between(database: &Database, first: &str, second: &str) -> [String; 2] {
    let (own, deleting, observer) = (
        &mut database.owner().await,
        &mut database.owner().await,
        &mut database.owner().await,
    );
    execute(own, &format!("BEGIN; {first}")).await;
    let own_call = async {
        until_somebody_waits(observer).await;
        let outcome = refusal(own, second).await;
        execute(own, "COMMIT").await;
        outcome
    };
    let deletion = async {
        match diesel_async::SimpleAsyncConnection::batch_execute(deleting, DELETE).await {
            Ok(()) => "not refused".to_owned(),
            Err(error) => error.to_string(),
        }
    };
    let (own_call, deletion) = futures::join!(own_call, deletion);
    [own_call, deletion]
}

const SENDS: (&str, &str) = (
    "SELECT FROM messaging.conversations WHERE id = 1 FOR NO KEY UPDATE",
    "INSERT INTO messaging.requests VALUES (2, gen_random_uuid(), sha256('1'), 1)",
);
const MARKS: (&str, &str) = (
    "SELECT FROM messaging.members WHERE user_id = 2 AND conversation_id = 1 FOR NO KEY UPDATE",
    "UPDATE messaging.members SET read_seq = 1 WHERE user_id = 2 AND conversation_id = 2",
);

// Control: the next test.
#[tokio::test]
async fn who_sends_or_marks_is_done_and_then_deleted() {
    for (first, second) in [SENDS, MARKS] {
        let database = talked().await;
        let outcomes = deleted_between(&database, first, second).await;
        assert_eq!(outcomes, ["not refused", "not refused"], "{second}");
        let conn = &mut database.owner().await;
        let left = strings(conn, "SELECT id FROM messaging.conversations").await;
        assert_eq!(left, [""; 0]);
        assert_eq!(broken(conn).await, []);
    }
}

#[tokio::test]
async fn by_the_foreign_keys_alone_each_would_wait_for_the_other() {
    for (first, second) in [SENDS, MARKS] {
        let database = talked().await;
        execute(&mut database.owner().await, NOTHING_FORGOTTEN).await;
        let outcomes = deleted_between(&database, first, second).await;
        let deadlocks = outcomes.iter().filter(|outcome| *outcome == "deadlock detected");
        assert_eq!(deadlocks.count(), 1, "{outcomes:?}");
    }
}

/// What becomes of a new conversation of users 2 and 4, before a deletion of 2 commits that has forgotten it.
async fn begun_meanwhile(database: &Database) -> String {
    let (deleting, other) = (&mut database.owner().await, &mut database.owner().await);
    execute(deleting, "BEGIN; SELECT messaging.user_forget(2)").await;
    let begin = "INSERT INTO messaging.conversations (low_user_id, high_user_id) VALUES (2, 4)";
    execute(other, "SET lock_timeout = '100ms'").await;
    refusal(other, begin).await
}

#[tokio::test]
async fn nobody_begins_a_conversation_with_whom_it_forgets() {
    let database = talked().await;
    let refused = begun_meanwhile(&database).await;
    assert_eq!(refused, "canceling statement due to lock timeout");
    execute(&mut database.owner().await, NO_LOCK).await;
    assert_eq!(begun_meanwhile(&database).await, "not refused");
}

#[tokio::test]
async fn identity_alone_may_forget_and_conversations_with_others_stay() {
    let database = talked().await;
    let conn = &mut database.owner().await;
    execute(
        conn,
        "INSERT INTO messaging.conversations (low_user_id, high_user_id) VALUES (1, 3)",
    )
    .await;
    let forget = "SELECT messaging.user_forget(2)";
    for role in [Role::Messaging, Role::SocialGraph, Role::Posts] {
        let refused = refusal(&mut database.service(role).await, forget).await;
        assert!(refused.starts_with("permission denied for"), "{refused}");
    }
    let identity = &mut database.service(Role::Identity).await;
    assert_eq!(refusal(identity, forget).await, "not refused");
    let left = "SELECT format('%s %s', low_user_id, high_user_id) FROM messaging.conversations";
    assert_eq!(strings(conn, left).await, ["1 3"]);
    let beneath = "SELECT id FROM messaging.messages UNION ALL SELECT conversation_id FROM messaging.members";
    assert_eq!(strings(conn, beneath).await, [""; 0]);
}
