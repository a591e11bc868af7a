//! Each service's role has what it needs, and nothing of another's.

use kith_schema::Role;

use crate::support::{Database, make_users, refusal, strings};

/// Every right that a service's role, or everybody, has on what is not PostgreSQL's own.
const RIGHTS: &str = "
    SELECT concat_ws(' ', coalesce(rolname, 'PUBLIC'), privilege_type, object) FROM (
        SELECT oid, 'schema ' || nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
        UNION ALL
        SELECT relnamespace, oid::regclass::text, relacl FROM pg_class
        UNION ALL
        SELECT relnamespace, format('%s (%s)', attrelid::regclass, attname), attacl
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        UNION ALL
        SELECT pronamespace, oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    ) AS objects (schema, object, rights), aclexplode(rights) LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE schema::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
        AND (rolname LIKE 'kith%' OR grantee = 0)
    ORDER BY 1";

#[tokio::test]
async fn rights_are_these_and_no_others() {
    let expected = "\
        PUBLIC USAGE schema public
        kith_identity DELETE identity.credentials
        kith_identity DELETE identity.profiles
        kith_identity DELETE identity.refresh_tokens
        kith_identity DELETE identity.sessions
        kith_identity DELETE identity.throttles
        kith_identity DELETE identity.users
        kith_identity EXECUTE messaging.user_forget(bigint)
        kith_identity INSERT identity.audit_events
        kith_identity INSERT identity.credentials
        kith_identity INSERT identity.profiles
        kith_identity INSERT identity.refresh_tokens
        kith_identity INSERT identity.service_accounts
        kith_identity INSERT identity.sessions
        kith_identity INSERT identity.signing_keys
        kith_identity INSERT identity.throttles
        kith_identity INSERT identity.users
        kith_identity SELECT __diesel_schema_migrations
        kith_identity SELECT identity.audit_events
        kith_identity SELECT identity.credentials
        kith_identity SELECT identity.profiles
        kith_identity SELECT identity.refresh_tokens
        kith_identity SELECT identity.service_accounts
        kith_identity SELECT identity.sessions
        kith_identity SELECT identity.signing_keys
        kith_identity SELECT identity.throttles
        kith_identity SELECT identity.user_names
        kith_identity SELECT identity.users
        kith_identity UPDATE identity.audit_events (count)
        kith_identity UPDATE identity.audit_events (updated_at)
        kith_identity UPDATE identity.credentials
        kith_identity UPDATE identity.profiles
        kith_identity UPDATE identity.refresh_tokens
        kith_identity UPDATE identity.service_accounts (revoked_at)
        kith_identity UPDATE identity.service_accounts (secret_hash)
        kith_identity UPDATE identity.service_accounts (secret_updated_at)
        kith_identity UPDATE identity.sessions
        kith_identity UPDATE identity.signing_keys (activated_at)
        kith_identity UPDATE identity.signing_keys (removed_at)
        kith_identity UPDATE identity.signing_keys (retired_at)
        kith_identity UPDATE identity.throttles
        kith_identity UPDATE identity.users
        kith_identity USAGE schema identity
        kith_identity USAGE schema messaging
        kith_identity USAGE schema public
        kith_messaging DELETE messaging.message_edits
        kith_messaging EXECUTE messaging.unread(bigint,bigint,bigint)
        kith_messaging INSERT messaging.conversations (high_user_id)
        kith_messaging INSERT messaging.conversations (low_user_id)
        kith_messaging INSERT messaging.members (conversation_id)
        kith_messaging INSERT messaging.members (peer_id)
        kith_messaging INSERT messaging.members (user_id)
        kith_messaging INSERT messaging.message_edits
        kith_messaging INSERT messaging.messages (content)
        kith_messaging INSERT messaging.messages (conversation_id)
        kith_messaging INSERT messaging.messages (receiver_id)
        kith_messaging INSERT messaging.messages (sender_id)
        kith_messaging INSERT messaging.messages (seq)
        kith_messaging INSERT messaging.requests
        kith_messaging INSERT messaging.settings (accepted_senders)
        kith_messaging INSERT messaging.settings (user_id)
        kith_messaging SELECT __diesel_schema_migrations
        kith_messaging SELECT identity.accounts
        kith_messaging SELECT messaging.conversations
        kith_messaging SELECT messaging.members
        kith_messaging SELECT messaging.message_edits
        kith_messaging SELECT messaging.messages
        kith_messaging SELECT messaging.requests
        kith_messaging SELECT messaging.settings
        kith_messaging SELECT social_graph.block_edges
        kith_messaging SELECT social_graph.follow_edges
        kith_messaging SELECT social_graph.friend_edges
        kith_messaging UPDATE messaging.conversations (active_at)
        kith_messaging UPDATE messaging.conversations (last_seq)
        kith_messaging UPDATE messaging.members (mute_expires_at)
        kith_messaging UPDATE messaging.members (muted_at)
        kith_messaging UPDATE messaging.members (read_seq)
        kith_messaging UPDATE messaging.members (receipt_seq)
        kith_messaging UPDATE messaging.members (received_seq)
        kith_messaging UPDATE messaging.messages (content)
        kith_messaging UPDATE messaging.messages (deleted_at)
        kith_messaging UPDATE messaging.messages (edited_at)
        kith_messaging UPDATE messaging.messages (hidden_from_receiver)
        kith_messaging UPDATE messaging.messages (hidden_from_sender)
        kith_messaging UPDATE messaging.messages (version)
        kith_messaging UPDATE messaging.settings (accepted_senders)
        kith_messaging UPDATE messaging.settings (updated_at)
        kith_messaging UPDATE messaging.settings (version)
        kith_messaging USAGE schema identity
        kith_messaging USAGE schema messaging
        kith_messaging USAGE schema public
        kith_messaging USAGE schema social_graph
        kith_posts DELETE posts.hashtags
        kith_posts DELETE posts.likes
        kith_posts DELETE posts.mentions
        kith_posts DELETE posts.posts
        kith_posts DELETE posts.shares
        kith_posts EXECUTE posts.counts_repair(bigint[])
        kith_posts EXECUTE posts.post_lock(bigint)
        kith_posts INSERT posts.hashtags
        kith_posts INSERT posts.likes
        kith_posts INSERT posts.mentions
        kith_posts INSERT posts.post_edits
        kith_posts INSERT posts.posts (author_id)
        kith_posts INSERT posts.posts (content)
        kith_posts INSERT posts.posts (id)
        kith_posts INSERT posts.posts (media_url)
        kith_posts INSERT posts.posts (parent_id)
        kith_posts INSERT posts.posts (type)
        kith_posts INSERT posts.requests
        kith_posts INSERT posts.shares
        kith_posts SELECT __diesel_schema_migrations
        kith_posts SELECT identity.accounts
        kith_posts SELECT identity.handles
        kith_posts SELECT posts.hashtags
        kith_posts SELECT posts.likes
        kith_posts SELECT posts.mentions
        kith_posts SELECT posts.post_edits
        kith_posts SELECT posts.posts
        kith_posts SELECT posts.requests
        kith_posts SELECT posts.shares
        kith_posts SELECT social_graph.block_edges
        kith_posts SELECT social_graph.follow_edges
        kith_posts SELECT social_graph.mute_edges
        kith_posts UPDATE posts.posts (content)
        kith_posts UPDATE posts.posts (media_url)
        kith_posts UPDATE posts.posts (type)
        kith_posts UPDATE posts.posts (updated_at)
        kith_posts UPDATE posts.posts (version)
        kith_posts USAGE posts.posts_id_seq
        kith_posts USAGE schema identity
        kith_posts USAGE schema posts
        kith_posts USAGE schema public
        kith_posts USAGE schema social_graph
        kith_social_graph DELETE social_graph.blocks
        kith_social_graph DELETE social_graph.follows
        kith_social_graph DELETE social_graph.friend_request_declines
        kith_social_graph DELETE social_graph.friend_requests
        kith_social_graph DELETE social_graph.friendships
        kith_social_graph DELETE social_graph.mutes
        kith_social_graph EXECUTE social_graph.follow_counts_repair(bigint[])
        kith_social_graph EXECUTE social_graph.friend_counts_repair(bigint[])
        kith_social_graph EXECUTE social_graph.is_blocked(bigint,bigint)
        kith_social_graph EXECUTE social_graph.pair_key(bigint,bigint)
        kith_social_graph EXECUTE social_graph.pair_lock(bigint,bigint)
        kith_social_graph EXECUTE social_graph.pair_lock_shared(bigint,bigint)
        kith_social_graph EXECUTE social_graph.sender_lock(bigint)
        kith_social_graph INSERT social_graph.blocks
        kith_social_graph INSERT social_graph.follows
        kith_social_graph INSERT social_graph.friend_request_declines
        kith_social_graph INSERT social_graph.friend_requests
        kith_social_graph INSERT social_graph.friendships
        kith_social_graph INSERT social_graph.mutes
        kith_social_graph SELECT __diesel_schema_migrations
        kith_social_graph SELECT identity.accounts
        kith_social_graph SELECT messaging.accepted_senders
        kith_social_graph SELECT social_graph.blocks
        kith_social_graph SELECT social_graph.follow_counts
        kith_social_graph SELECT social_graph.follows
        kith_social_graph SELECT social_graph.friend_counts
        kith_social_graph SELECT social_graph.friend_request_declines
        kith_social_graph SELECT social_graph.friend_requests
        kith_social_graph SELECT social_graph.friendships
        kith_social_graph SELECT social_graph.mutes
        kith_social_graph UPDATE social_graph.follows (created_at)
        kith_social_graph UPDATE social_graph.friend_request_declines (expires_at)
        kith_social_graph UPDATE social_graph.mutes (created_at)
        kith_social_graph UPDATE social_graph.mutes (expires_at)
        kith_social_graph USAGE schema identity
        kith_social_graph USAGE schema messaging
        kith_social_graph USAGE schema public
        kith_social_graph USAGE schema social_graph";
    let rights = strings(&mut Database::scratch().await, RIGHTS).await;
    assert_eq!(rights, expected.lines().map(str::trim).collect::<Vec<_>>());
}

/// Asserts that `role` is refused each statement for want of a right.
async fn assert_denied(role: Role, statements: &[&str]) {
    let database = Database::migrated().await;
    make_users(&mut database.owner().await, 2).await;
    let conn = &mut database.service(role).await;
    for statement in statements {
        let refused = refusal(conn, statement).await;
        assert!(
            refused.starts_with("permission denied for"),
            "{statement}: {refused}"
        );
    }
}

#[tokio::test]
async fn identity_cannot_touch_the_social_graph() {
    let statements = [
        "SELECT FROM social_graph.follows",
        "INSERT INTO social_graph.follows VALUES (1, 2)",
        "SELECT FROM social_graph.follow_counts",
        "SELECT FROM social_graph.follow_edges",
        "SELECT FROM social_graph.blocks",
        "SELECT social_graph.pair_lock(1, 2)",
        "SELECT FROM messaging.messages",
        "DELETE FROM messaging.conversations",
        "SELECT messaging.user_lock(1)",
        "INSERT INTO identity.user_names VALUES ('another', 1)",
        "DELETE FROM identity.user_names",
        "DELETE FROM identity.audit_events",
        "UPDATE identity.audit_events SET actor = ''",
        "DELETE FROM identity.signing_keys",
        "UPDATE identity.signing_keys SET public_key = ''",
        "DELETE FROM identity.service_accounts",
        "UPDATE identity.service_accounts SET scopes = '{}'",
        "SELECT identity.names_of('a', 'b', 'c')",
        "TRUNCATE identity.users CASCADE",
        "CREATE TABLE identity.mine ()",
        "CREATE TABLE public.mine ()",
        "DELETE FROM public.__diesel_schema_migrations",
    ];
    assert_denied(Role::Identity, &statements).await;
}

#[tokio::test]
async fn social_graph_cannot_touch_accounts_or_write_counts() {
    let statements = [
        "SELECT FROM identity.users",
        "SELECT FROM identity.credentials",
        "SELECT FROM identity.profiles",
        "SELECT FROM identity.sessions",
        "SELECT FROM identity.refresh_tokens",
        "SELECT FROM identity.user_names",
        "SELECT FROM identity.signing_keys",
        "SELECT FROM identity.service_accounts",
        "SELECT FROM identity.throttles",
        "SELECT FROM identity.audit_events",
        "UPDATE identity.accounts SET is_active = false",
        "DELETE FROM identity.users",
        "UPDATE social_graph.follow_counts SET followers = 0",
        "UPDATE social_graph.follows SET followed_id = 2",
        "TRUNCATE social_graph.follows",
        "SELECT social_graph.follow_counts_add()",
        "SELECT social_graph.follow_counts_lock('{}')",
        "UPDATE social_graph.friend_counts SET friends = 0",
        "SELECT social_graph.friend_counts_lock('{}')",
        "UPDATE social_graph.friendships SET created_at = now()",
        "UPDATE social_graph.blocks SET created_at = now()",
        "UPDATE social_graph.friend_requests SET to_user_id = 2",
    ];
    assert_denied(Role::SocialGraph, &statements).await;
}

#[tokio::test]
async fn posts_and_messaging_see_of_others_what_is_published_and_no_more() {
    let others = [
        "SELECT FROM identity.users",
        "SELECT FROM identity.user_names",
        "SELECT FROM identity.credentials",
        "UPDATE identity.accounts SET is_active = false",
        "SELECT FROM social_graph.follows",
        "SELECT FROM social_graph.friendships",
        "SELECT FROM social_graph.blocks",
        "DELETE FROM social_graph.block_edges",
        "SELECT FROM social_graph.mutes",
        "SELECT social_graph.pair_lock(1, 2)",
        "CREATE TABLE public.mine ()",
    ];
    for (role, own) in [
        (
            Role::Posts,
            [
                "SELECT FROM social_graph.friend_edges",
                "CREATE TABLE posts.mine ()",
            ],
        ),
        (
            Role::Messaging,
            [
                "SELECT FROM social_graph.mute_edges",
                "CREATE TABLE messaging.mine ()",
            ],
        ),
    ] {
        assert_denied(role, &others).await;
        assert_denied(role, &own).await;
    }
    assert_denied(Role::Messaging, &["SELECT FROM identity.handles"]).await;
}

#[tokio::test]
async fn messaging_cannot_move_what_was_sent() {
    let statements = [
        "INSERT INTO messaging.settings (user_id, version) VALUES (1, 7)",
        "DELETE FROM messaging.messages",
        "DELETE FROM messaging.conversations",
        "DELETE FROM messaging.members",
        "DELETE FROM messaging.requests",
        "UPDATE messaging.messages SET seq = 1",
        "UPDATE messaging.messages SET sender_id = 1",
        "UPDATE messaging.messages SET created_at = now()",
        "UPDATE messaging.members SET peer_id = 1",
        "UPDATE messaging.message_edits SET content = ''",
    ];
    assert_denied(Role::Messaging, &statements).await;
    let others = ["SELECT FROM messaging.settings", "SELECT FROM messaging.messages"];
    assert_denied(Role::SocialGraph, &others).await;
}

#[tokio::test]
async fn social_graph_can_follow_lock_and_count_and_see_who_is_active() {
    let database = Database::migrated().await;
    make_users(&mut database.owner().await, 2).await;
    let conn = &mut database.service(Role::SocialGraph).await;
    for statement in [
        "INSERT INTO follows VALUES (1, 2)",
        "SELECT FROM follows FOR UPDATE",
        "INSERT INTO follows VALUES (1, 2)
            ON CONFLICT (follower_id, followed_id) DO UPDATE SET created_at = follows.created_at",
        "DELETE FROM follows",
    ] {
        assert_eq!(refusal(conn, statement).await, "not refused", "{statement}");
    }
    assert_eq!(
        strings(conn, "SELECT followers FROM follow_counts").await,
        ["0", "0"]
    );
    assert_eq!(
        strings(conn, "SELECT id FROM identity.accounts WHERE is_active").await,
        ["1", "2"]
    );
}
