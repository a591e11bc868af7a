//! Each service's role has what it needs, and nothing of another's.

use kith_schema::{Role, held_rights, published_rights};

use crate::support::{Database, execute, make_users, refusal, strings};

#[tokio::test]
async fn rights_are_these_and_no_others() {
    let conn = &mut Database::scratch().await;
    let rights = held_rights(conn).await.expect("the catalogue answers");
    assert_eq!(rights, published_rights());
    // What everybody has, services too.
    let everybody = strings(conn, OF_EVERYBODY).await;
    assert_eq!(everybody, ["USAGE public"]);
}

#[tokio::test]
async fn a_right_is_given_and_taken_by_the_statements_that_it_says() {
    let conn = &mut Database::scratch().await;
    for right in published_rights() {
        execute(conn, &right.revoke()).await;
        let held = held_rights(conn).await.expect("the catalogue answers");
        assert!(!held.contains(&right), "{right:?}");
        execute(conn, &right.grant()).await;
    }
    let held = held_rights(conn).await.expect("the catalogue answers");
    assert_eq!(held, published_rights());
}

/// Every right that everybody has on what is not PostgreSQL's own.
const OF_EVERYBODY: &str = "
    SELECT concat_ws(' ', privilege_type, object) FROM (
        SELECT oid, nspname, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
        UNION ALL
        SELECT relnamespace, oid::regclass::text, relacl FROM pg_class
        UNION ALL
        SELECT relnamespace, format('%s (%s)', attrelid::regclass, attname), attacl
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        UNION ALL
        SELECT pronamespace, oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    ) AS objects (schema, object, rights), aclexplode(rights)
    WHERE schema::regnamespace::text NOT IN ('pg_catalog', 'information_schema') AND grantee = 0
    ORDER BY 1";

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
