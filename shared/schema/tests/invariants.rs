//! Each invariant finds what breaks it, once what upholds it is taken away.

use crate::support::{Database, broken, execute, make_users};

async fn broken_after(change: &str) -> Vec<&'static str> {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    make_users(conn, 3).await;
    execute(
        conn,
        "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 2), (2, 3);
        UPDATE identity.users SET first_name = 'Ada', last_name = 'LOVELACE' WHERE id = 1;
        INSERT INTO identity.sessions (user_id, expires_at) VALUES (1, now());
        INSERT INTO identity.refresh_tokens (token_hash, session_id) SELECT sha256('1'), id FROM identity.sessions;
        INSERT INTO social_graph.friendships VALUES (1, 2), (2, 1);
        INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (1, 3);
        INSERT INTO social_graph.mutes VALUES (1, 2), (2, 1);
        INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq) VALUES (1, 2, 3);
        INSERT INTO messaging.members (conversation_id, user_id, peer_id, received_seq, read_seq, receipt_seq)
            SELECT id, 1, 2, 2, 2, 2 FROM messaging.conversations UNION ALL SELECT id, 2, 1, 3, 1, 0 FROM messaging.conversations;
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content, deleted_at)
            SELECT id, seq, sender, 3 - sender, content, deleted_at FROM messaging.conversations, (VALUES
                (1, 1, 'hello', NULL), (2, 2, NULL, now()), (3, 1, 'how are you', NULL)) AS said (seq, sender, content, deleted_at);
        INSERT INTO messaging.message_edits (message_id, version, content, started_at)
            SELECT id, 1, 'helo', now() FROM messaging.messages WHERE seq = 1;
        UPDATE messaging.messages SET version = 2 WHERE seq = 1;
        INSERT INTO messaging.requests SELECT 1, gen_random_uuid(), sha256('1'), id FROM messaging.messages WHERE seq = 1;
        INSERT INTO messaging.settings VALUES (1, 'friends');
        INSERT INTO posts.posts (id, author_id, content, parent_id) OVERRIDING SYSTEM VALUE
            VALUES (10, 1, 'one', NULL), (11, 2, 'two', 10);
        INSERT INTO posts.likes VALUES (10, 2), (11, 1);
        INSERT INTO posts.shares VALUES (10, 2);
        INSERT INTO posts.mentions VALUES (10, 2, now(), '{0}', '{1}');
        INSERT INTO posts.hashtags VALUES (10, 'kith', now(), '{0}', '{1}');
        INSERT INTO posts.post_edits VALUES (10, 1, 'none', 'thoughts', '', now());
        INSERT INTO posts.requests VALUES (1, gen_random_uuid(), sha256('1'), 10), (1, gen_random_uuid(), sha256('2'), 9)",
    )
    .await;
    assert_eq!(broken(conn).await, []);
    // A superuser's way past foreign keys and triggers.
    execute(conn, "SET session_replication_role = replica").await;
    execute(conn, change).await;
    broken(conn)
        .await
        .into_iter()
        .map(|broken| broken.invariant)
        .collect()
}

#[tokio::test]
async fn users_and_profiles() {
    let no_profile = "DELETE FROM identity.profiles WHERE user_id = 1";
    let no_user = "INSERT INTO identity.profiles (user_id) VALUES (4)";
    assert_eq!(broken_after(no_profile).await, ["every_user_has_one_profile"]);
    assert_eq!(broken_after(no_user).await, ["every_user_has_one_profile"]);
}

#[tokio::test]
async fn credentials() {
    let change = "INSERT INTO identity.credentials VALUES (4, '$argon2id$v=19')";
    assert_eq!(broken_after(change).await, ["credentials_belong_to_users"]);
}

#[tokio::test]
async fn usernames_and_email_addresses() {
    let usernames = "DROP INDEX identity.identity_users_username_key;
        UPDATE identity.users SET username = 'U2' WHERE id = 1;
        UPDATE identity.user_names SET name = 'u2' WHERE name = 'u1'";
    let emails = "DROP INDEX identity.identity_users_email_key;
        UPDATE identity.users SET email = CASE id WHEN 1 THEN 'a@b' ELSE 'A@B' END";
    assert_eq!(broken_after(usernames).await, ["usernames_are_unique"]);
    assert_eq!(broken_after(emails).await, ["emails_are_unique"]);
}

#[tokio::test]
async fn follows() {
    let nobody = "INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 4);
        INSERT INTO social_graph.follow_counts VALUES (1, 0, 1), (4, 1, 0)
            ON CONFLICT (user_id) DO UPDATE SET following = 2";
    let itself = "ALTER TABLE social_graph.follows DROP CONSTRAINT social_graph_follows_no_self_follow;
        INSERT INTO social_graph.follows (follower_id, followed_id) VALUES (1, 1);
        UPDATE social_graph.follow_counts SET followers = 1, following = 2 WHERE user_id = 1";
    assert_eq!(
        broken_after(nobody).await,
        ["follows_are_between_users", "counted_users_exist"]
    );
    assert_eq!(broken_after(itself).await, ["nobody_follows_itself"]);
}

#[tokio::test]
async fn follow_counts() {
    for change in [
        "UPDATE social_graph.follow_counts SET followers = followers + 1 WHERE user_id = 1",
        "UPDATE social_graph.follow_counts SET following = following + 1 WHERE user_id = 1",
        "DELETE FROM social_graph.follow_counts WHERE user_id = 1",
        "DELETE FROM social_graph.follows WHERE follower_id = 1",
    ] {
        let broken = broken_after(change).await;
        assert!(!broken.is_empty(), "{change}");
        assert!(
            broken
                .iter()
                .all(|name| *name == "follow_counts_equal_the_follows"),
            "{change}: {broken:?}"
        );
    }
}

#[tokio::test]
async fn names_that_users_are_found_by() {
    for change in [
        "UPDATE identity.users SET username = 'another' WHERE id = 2",
        "UPDATE identity.users SET last_name = '' WHERE id = 1",
        "DELETE FROM identity.user_names WHERE name = 'ada lovelace'",
        "INSERT INTO identity.user_names VALUES ('ada', 2)",
        "INSERT INTO identity.user_names VALUES ('nobody', 4)",
        "UPDATE identity.user_names SET name = 'Ada' WHERE name = 'ada'",
    ] {
        let mut broken = broken_after(change).await;
        broken.dedup();
        assert_eq!(broken, ["user_names_equal_the_names_of_users"], "{change}");
    }
}

#[tokio::test]
async fn live_tokens_of_sessions() {
    for change in [
        "UPDATE identity.refresh_tokens SET rotated_at = now()",
        "DELETE FROM identity.refresh_tokens",
        "DROP INDEX identity.identity_refresh_tokens_live_key;
            INSERT INTO identity.refresh_tokens (token_hash, session_id) SELECT sha256('2'), id FROM identity.sessions",
    ] {
        assert_eq!(broken_after(change).await, ["sessions_have_one_live_token_each"], "{change}");
    }
}

#[tokio::test]
async fn friendships() {
    let half = "DELETE FROM social_graph.friendships WHERE user_id = 2;
        UPDATE social_graph.friend_counts SET friends = 0 WHERE user_id = 2";
    let of_two_ages = "UPDATE social_graph.friendships SET created_at = '2020-01-01' WHERE user_id = 2";
    for change in [half, of_two_ages] {
        let mut broken = broken_after(change).await;
        broken.dedup();
        assert_eq!(broken, ["friendships_are_mutual"], "{change}");
    }
    for change in [
        "UPDATE social_graph.friend_counts SET friends = 2 WHERE user_id = 1",
        "DELETE FROM social_graph.friend_counts WHERE user_id = 1",
        "INSERT INTO social_graph.friend_counts VALUES (3, 1)",
    ] {
        assert_eq!(
            broken_after(change).await,
            ["friend_counts_equal_the_friendships"],
            "{change}"
        );
    }
    let nobodys = "INSERT INTO social_graph.friend_counts VALUES (4, 0)";
    assert_eq!(broken_after(nobodys).await, ["counted_users_exist"]);
}

#[tokio::test]
async fn requests_and_blocks() {
    let beside_a_friendship =
        "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (2, 1)";
    let crossing = "DROP INDEX social_graph.social_graph_friend_requests_pair_key;
        INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (3, 1)";
    assert_eq!(
        broken_after(beside_a_friendship).await,
        ["no_request_beside_a_friendship"]
    );
    assert_eq!(broken_after(crossing).await, ["two_users_have_one_request"]);
    for (block, edges) in [("1, 3", 1), ("3, 1", 1), ("3, 2", 1), ("1, 2", 3)] {
        let block = format!("INSERT INTO social_graph.blocks VALUES ({block})");
        assert_eq!(
            broken_after(&block).await,
            vec!["nothing_beside_a_block"; edges],
            "{block}"
        );
    }
}

#[tokio::test]
async fn edges_of_nobody() {
    for change in [
        "INSERT INTO social_graph.blocks VALUES (1, 4)",
        "INSERT INTO social_graph.mutes VALUES (4, 1)",
        "INSERT INTO social_graph.friend_request_declines VALUES (1, 4, now())",
        "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id) VALUES (4, 1)",
        "ALTER TABLE social_graph.mutes DROP CONSTRAINT social_graph_mutes_no_self_mute;
            INSERT INTO social_graph.mutes VALUES (1, 1)",
    ] {
        assert_eq!(
            broken_after(change).await,
            ["edges_are_between_two_users"],
            "{change}"
        );
    }
}

#[tokio::test]
async fn conversations_and_their_members() {
    for change in [
        "UPDATE messaging.conversations SET high_user_id = 3",
        "INSERT INTO messaging.members (conversation_id, user_id, peer_id) VALUES (99, 1, 2)",
        "ALTER TABLE messaging.conversations DROP CONSTRAINT messaging_conversations_pair_key;
            INSERT INTO messaging.conversations (low_user_id, high_user_id, last_seq) VALUES (1, 2, 1);
            INSERT INTO messaging.members (conversation_id, user_id, peer_id)
                SELECT 2, user_id, peer_id FROM messaging.members;
            INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content) VALUES (2, 1, 1, 2, 'x');
            UPDATE messaging.members SET received_seq = 1 WHERE conversation_id = 2 AND user_id = 2",
    ] {
        let broken = broken_after(change).await;
        assert_eq!(broken, ["conversations_are_between_two_members"], "{change}");
    }
    // One side is gone, and with it what its messages are by.
    let half = "DELETE FROM messaging.members WHERE user_id = 2";
    let mut broken = broken_after(half).await;
    broken.dedup();
    let expected = [
        "conversations_are_between_two_members",
        "messages_are_between_members",
    ];
    assert_eq!(broken, expected);
}

#[tokio::test]
async fn messages() {
    for change in [
        "UPDATE messaging.messages SET seq = 4 WHERE seq = 1; UPDATE messaging.members SET received_seq = 4 WHERE user_id = 2",
        "DELETE FROM messaging.messages WHERE seq = 1; DELETE FROM messaging.message_edits",
        "UPDATE messaging.conversations SET last_seq = 4",
        "UPDATE messaging.conversations SET active_at = active_at + interval '1 hour'",
        "ALTER TABLE messaging.messages DROP CONSTRAINT messaging_messages_seq_key;
            UPDATE messaging.messages SET seq = 2 WHERE seq = 1",
        "DELETE FROM messaging.messages; DELETE FROM messaging.message_edits;
            UPDATE messaging.members SET received_seq = 0",
    ] {
        let broken = broken_after(change).await;
        assert_eq!(broken, ["messages_are_numbered_without_gaps"], "{change}");
    }
    for change in [
        "INSERT INTO messaging.message_edits VALUES (99, 1, 'x', now())",
        "INSERT INTO messaging.requests VALUES (4, gen_random_uuid(), sha256('1'), 1)",
        "INSERT INTO messaging.settings VALUES (4)",
    ] {
        assert_eq!(
            broken_after(change).await,
            ["messages_are_between_members"],
            "{change}"
        );
    }
    for change in [
        "ALTER TABLE messaging.messages DROP CONSTRAINT messaging_messages_content_until_deleted;
            UPDATE messaging.messages SET content = 'back again' WHERE seq = 2",
        "INSERT INTO messaging.message_edits SELECT id, 1, 'x', now() FROM messaging.messages WHERE seq = 2",
    ] {
        let broken = broken_after(change).await;
        assert_eq!(broken, ["nothing_is_left_of_deleted_messages"], "{change}");
    }
}

#[tokio::test]
async fn what_members_have_received_and_read() {
    for change in [
        "UPDATE messaging.members SET received_seq = 1 WHERE user_id = 2",
        "UPDATE messaging.members SET read_seq = 4 WHERE user_id = 1",
        "ALTER TABLE messaging.members DROP CONSTRAINT messaging_members_receipt_after_read;
            UPDATE messaging.members SET receipt_seq = 3 WHERE user_id = 2",
    ] {
        assert_eq!(
            broken_after(change).await,
            ["members_have_read_what_there_is"],
            "{change}"
        );
    }
}

#[tokio::test]
async fn counters_of_posts() {
    for change in [
        "UPDATE posts.posts SET likes_count = 2 WHERE id = 10",
        "UPDATE posts.posts SET comment_count = 0 WHERE id = 10",
        "UPDATE posts.posts SET shares_count = 1 WHERE id = 11",
        "DELETE FROM posts.likes WHERE post_id = 11",
        "DELETE FROM posts.shares",
        "UPDATE posts.posts SET parent_id = NULL WHERE id = 11",
        "INSERT INTO posts.likes VALUES (10, 3)",
    ] {
        let broken = broken_after(change).await;
        assert_eq!(broken, ["post_counts_equal_the_rows"], "{change}");
    }
}

#[tokio::test]
async fn what_is_beneath_posts() {
    for change in [
        "UPDATE posts.posts SET parent_id = 9 WHERE id = 11; UPDATE posts.posts SET comment_count = 0",
        "INSERT INTO posts.likes VALUES (9, 1)",
        "INSERT INTO posts.shares VALUES (9, 1)",
        "INSERT INTO posts.mentions VALUES (9, 1, now(), '{0}', '{1}')",
        "INSERT INTO posts.hashtags VALUES (9, 'kith', now(), '{0}', '{1}')",
        "INSERT INTO posts.post_edits VALUES (9, 1, 'none', 'thoughts', '', now())",
    ] {
        let broken = broken_after(change).await;
        assert_eq!(broken, ["what_is_beneath_posts_has_them"], "{change}");
    }
}

#[tokio::test]
async fn posts_of_nobody() {
    for change in [
        "UPDATE posts.posts SET author_id = 4 WHERE id = 11",
        "UPDATE posts.likes SET user_id = 4 WHERE post_id = 11",
        "UPDATE posts.shares SET user_id = 4",
        "UPDATE posts.mentions SET user_id = 4",
        "UPDATE posts.requests SET user_id = 4 WHERE post_id = 9",
    ] {
        assert_eq!(broken_after(change).await, ["posts_are_by_users"], "{change}");
    }
}

#[test]
fn every_invariant_has_its_file_and_every_file_is_asked() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/invariants");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, kith_schema::invariants::ALL.len());
}
