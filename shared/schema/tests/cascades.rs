//! With a user goes all that is the user's, and nobody else's numbers are wrong afterwards.

use kith_postgres::Connection;
use kith_schema::Role;

use crate::support::{Database, broken, execute, make_users, refusal, strings};

/// The table of each row that names user 2.
async fn traces(conn: &mut Connection) -> Vec<String> {
    let query = "
        SELECT 'users' FROM identity.users WHERE id = 2
        UNION ALL SELECT 'credentials' FROM identity.credentials WHERE user_id = 2
        UNION ALL SELECT 'profiles' FROM identity.profiles WHERE user_id = 2
        UNION ALL SELECT 'sessions' FROM identity.sessions WHERE user_id = 2
        UNION ALL SELECT 'refresh_tokens' FROM identity.refresh_tokens JOIN identity.sessions ON sessions.id = session_id
            WHERE user_id = 2
        UNION ALL SELECT 'user_names' FROM identity.user_names WHERE user_id = 2
        UNION ALL SELECT 'follows' FROM social_graph.follows WHERE 2 IN (follower_id, followed_id)
        UNION ALL SELECT 'follow_counts' FROM social_graph.follow_counts WHERE user_id = 2
        UNION ALL SELECT 'friendships' FROM social_graph.friendships WHERE 2 IN (user_id, friend_id)
        UNION ALL SELECT 'friend_counts' FROM social_graph.friend_counts WHERE user_id = 2
        UNION ALL SELECT 'friend_requests' FROM social_graph.friend_requests WHERE 2 IN (from_user_id, to_user_id)
        UNION ALL SELECT 'declines' FROM social_graph.friend_request_declines WHERE 2 IN (from_user_id, to_user_id)
        UNION ALL SELECT 'blocks' FROM social_graph.blocks WHERE 2 IN (blocker_id, blocked_id)
        UNION ALL SELECT 'mutes' FROM social_graph.mutes WHERE 2 IN (muter_id, muted_id)";
    strings(conn, query).await
}

async fn counts(conn: &mut Connection) -> Vec<String> {
    let query = "SELECT format('%s: %s, %s', user_id, followers, following)
        FROM social_graph.follow_counts ORDER BY user_id";
    strings(conn, query).await
}

/// A session of `user_id` that was refreshed once.
async fn make_session(conn: &mut Connection, user_id: i64) {
    let session = format!(
        "WITH session AS (
            INSERT INTO identity.sessions (user_id, expires_at) VALUES ({user_id}, now() + interval '1 hour') RETURNING id
        )
        INSERT INTO identity.refresh_tokens (token_hash, session_id, rotated_at)
            SELECT sha256(convert_to(id || name, 'UTF8')), id, rotated_at
            FROM session, (VALUES ('old', now()), ('live', NULL)) AS token (name, rotated_at)"
    );
    execute(conn, &session).await;
}

#[tokio::test]
async fn the_end_of_a_session_takes_its_tokens_and_no_others() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 2).await;
    make_session(conn, 1).await;
    make_session(conn, 2).await;
    let end = "DELETE FROM identity.sessions WHERE user_id = 1";
    assert_eq!(
        refusal(&mut database.service(Role::Identity).await, end).await,
        "not refused"
    );
    let left =
        "SELECT user_id FROM identity.refresh_tokens JOIN identity.sessions ON sessions.id = session_id";
    assert_eq!(strings(conn, left).await, ["2", "2"]);
    assert_eq!(
        strings(conn, "SELECT token_hash FROM identity.refresh_tokens")
            .await
            .len(),
        2
    );
    assert_eq!(broken(conn).await, []);
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 8).await;
    execute(
        conn,
        "INSERT INTO identity.credentials VALUES (2, '$argon2id$v=19')",
    )
    .await;
    execute(
        conn,
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 2), (2, 1), (2, 3), (3, 4)",
    )
    .await;
    execute(
        conn,
        "INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1), (2, 3), (3, 2), (3, 4), (4, 3);
        INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (2, 5), (6, 2), (5, 6);
        INSERT INTO social_graph.friend_request_declines VALUES (2, 5, now()), (6, 2, now()), (5, 6, now());
        INSERT INTO social_graph.blocks VALUES (2, 7), (8, 2), (7, 8);
        INSERT INTO social_graph.mutes VALUES (2, 7), (8, 2), (7, 8)",
    )
    .await;
    make_session(conn, 2).await;
    assert_eq!(traces(conn).await.len(), 24);
    assert_eq!(counts(conn).await, ["1: 1, 1", "2: 1, 2", "3: 1, 1", "4: 1, 0"]);

    // The role that deletes has no right on what goes with the user.
    let deletion = "DELETE FROM identity.users WHERE id = 2";
    assert_eq!(
        refusal(&mut database.service(Role::Identity).await, deletion).await,
        "not refused"
    );

    assert_eq!(traces(conn).await, [""; 0]);
    assert_eq!(
        strings(conn, "SELECT token_hash FROM identity.refresh_tokens").await,
        [""; 0]
    );
    assert_eq!(counts(conn).await, ["1: 0, 0", "3: 0, 1", "4: 1, 0"]);
    let friends =
        "SELECT format('%s: %s', user_id, friends) FROM social_graph.friend_counts ORDER BY user_id";
    assert_eq!(strings(conn, friends).await, ["1: 0", "3: 1", "4: 1"]);
    for table in ["friend_requests", "friend_request_declines", "blocks", "mutes"] {
        let left = format!("SELECT count(*) FROM social_graph.{table}");
        assert_eq!(strings(conn, &left).await, ["1"], "{table}");
    }
    assert_eq!(broken(conn).await, []);
}

#[tokio::test]
async fn users_who_follow_each_other_can_go_in_one_statement() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 6).await;
    let all_pairs = "INSERT INTO social_graph.follows (follower_id, followed_id)
        SELECT a.id, b.id FROM identity.users AS a, identity.users AS b WHERE a.id <> b.id";
    execute(conn, all_pairs).await;
    execute(conn, "DELETE FROM identity.users WHERE id IN (5, 1, 3)").await;
    assert_eq!(counts(conn).await, ["2: 2, 2", "4: 2, 2", "6: 2, 2"]);
    assert_eq!(broken(conn).await, []);
}

#[tokio::test]
async fn a_conversation_goes_with_either_user_and_takes_what_is_beneath_it() {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 4).await;
    let conversations = "
        INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq) VALUES (1, 2, 2), (2, 3, 2), (3, 4, 2);
        INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq)
            SELECT id, low_user_id, high_user_id, 2 FROM messaging.conversations
            UNION ALL SELECT id, high_user_id, low_user_id, 1 FROM messaging.conversations;
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
            SELECT id, 1, low_user_id, high_user_id, 'hello' FROM messaging.conversations
            UNION ALL SELECT id, 2, high_user_id, low_user_id, 'hello' FROM messaging.conversations;
        INSERT INTO messaging.message_edits SELECT id, 1, 'helo', now() FROM messaging.messages;
        INSERT INTO messaging.requests
            SELECT sender_id, gen_random_uuid(), sha256('1'), id FROM messaging.messages;
        INSERT INTO messaging.settings SELECT id FROM identity.users";
    execute(conn, conversations).await;
    assert_eq!(broken(conn).await, []);
    let deletion = "DELETE FROM identity.users WHERE id = 2";
    assert_eq!(
        refusal(&mut database.service(Role::Identity).await, deletion).await,
        "not refused"
    );
    for (table, left) in [
        ("conversations", "1"),
        ("members", "2"),
        ("messages", "2"),
        ("message_edits", "2"),
        // Those of the users who are left stay, so that what was sent to the deleted user is not sent again.
        ("requests", "4"),
        ("settings", "3"),
    ] {
        let count = format!("SELECT count(*) FROM messaging.{table}");
        assert_eq!(strings(conn, &count).await, [left], "{table}");
    }
    assert_eq!(broken(conn).await, []);
}
