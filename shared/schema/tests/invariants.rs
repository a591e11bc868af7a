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
        INSERT INTO social_graph.mutes VALUES (1, 2), (2, 1)",
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

#[test]
fn every_invariant_has_its_file_and_every_file_is_asked() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/invariants");
    let files = std::fs::read_dir(folder).expect("the folder").count();
    assert_eq!(files, kith_schema::invariants::ALL.len());
}
