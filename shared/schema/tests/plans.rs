//! The hot queries are served by their indexes, in order, whether planned for their arguments or for any.
//!
//! They stand here as the schema means to serve them. Whether the services send such statements is tested where the
//! services run: tests/e2e, `plans`.

use kith_postgres::Connection;
use tokio::sync::OnceCell;

use crate::support::{Database, execute, make_users, strings};

static FILLED: OnceCell<Database> = OnceCell::const_new();

/// 2,000 users, each of whom follows some 30, and two of whom everybody follows; 500 of them have sessions, and user 1 has
/// many. Ten have written 20,000 posts, and the first of these have most of what posts can have.
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
        UPDATE identity.users SET date_joined = now() - random() * interval '1 year',
            first_name = 'Ada' || id % 40, last_name = 'Lovelace' || id % 50;
        INSERT INTO identity.sessions (user_id, created_at, expires_at)
            SELECT id, now() - random() * interval '1 month', now() + interval '1 hour'
            FROM identity.users, generate_series(1, CASE id WHEN 1 THEN 2000 ELSE 40 END) WHERE id <= 500;
        INSERT INTO identity.refresh_tokens (token_hash, session_id, rotated_at)
            SELECT sha256(convert_to(format('%s %s', id, number), 'UTF8')), id, CASE WHEN number > 1 THEN now() END
            FROM identity.sessions, generate_series(1, 2) AS number;
        INSERT INTO identity.service_accounts (name, scopes, secret_hash, created_at)
            SELECT 's' || number, '{}', sha256(number::text::bytea), now() - random() * interval '1 year'
            FROM generate_series(1, 2000) AS number;
        INSERT INTO identity.audit_events (type, subject, created_at)
            SELECT 'SESSION_CREATED', 'users/' || number % 50, now() - random() * interval '1 year'
            FROM generate_series(1, 20000) AS number;
        INSERT INTO identity.throttles
            SELECT number, now() + (random() - 0.1) * interval '10 min' FROM generate_series(1, 20000) AS number;
        -- Without triggers and foreign keys, which would take their time.
        SET session_replication_role = replica;
        INSERT INTO social_graph.friendships (user_id, friend_id, created_at)
            SELECT follower_id, followed_id, now() - random() * interval '1 year' FROM social_graph.follows
            WHERE follower_id < followed_id;
        INSERT INTO social_graph.friendships SELECT friend_id, user_id, created_at FROM social_graph.friendships;
        INSERT INTO social_graph.blocks SELECT one.id, other.id, now() - random() * interval '1 year'
            FROM identity.users AS one, identity.users AS other
            WHERE one.id <> other.id AND (one.id = 1 OR one.id * other.id % 37 = 1);
        INSERT INTO social_graph.mutes SELECT follower_id, followed_id, created_at FROM social_graph.follows;
        INSERT INTO social_graph.friend_requests (from_user_id, to_user_id, created_at)
            SELECT one.id, other.id, now() - random() * interval '1 year'
            FROM identity.users AS one CROSS JOIN LATERAL (
                SELECT (one.id + step * 37) % 2000 + 1 AS id FROM generate_series(1, 20) AS step UNION SELECT 2000) AS other
            WHERE one.id < other.id;
        INSERT INTO social_graph.friend_request_declines SELECT to_user_id, from_user_id, now() FROM social_graph.friend_requests;
        INSERT INTO posts.posts (author_id, content, type, parent_id, created_at)
            SELECT 1 + number % 10, 'the post ' || number, (ARRAY['thoughts', 'media', 'milestones'])[1 + number % 3],
                CASE WHEN number % 2 = 0 AND number > 10 THEN 1 + number % 7 END, now() - random() * interval '1 year'
            FROM generate_series(1, 20000) AS number;
        INSERT INTO posts.mentions SELECT id, 1 + id % 7, created_at, '{0}', '{1}' FROM posts.posts;
        INSERT INTO posts.hashtags SELECT id, 'tag' || id % 7, created_at, '{0}', '{1}' FROM posts.posts;
        INSERT INTO posts.likes SELECT 1 + number % 7, number, now() - random() * interval '1 year'
            FROM generate_series(1, 20000) AS number;
        INSERT INTO posts.likes SELECT id, 1 + id % 7, now() - random() * interval '1 year' FROM posts.posts WHERE id > 7;
        INSERT INTO posts.shares SELECT * FROM posts.likes;
        INSERT INTO posts.post_edits SELECT 1 + number % 7, number, 'x', 'media', '', now() FROM generate_series(1, 20000) AS number;
        RESET session_replication_role;
        ANALYZE";
    execute(conn, follows).await;
    database
}

/// The plan for these arguments, and the one that a pooled connection settles on for any.
async fn plans(query: &str, arguments: &str) -> [String; 2] {
    plans_in(FILLED.get_or_init(filled).await, query, arguments).await
}

async fn plans_in(database: &Database, query: &str, arguments: &str) -> [String; 2] {
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
    assert_in_the_order_of(index, query, arguments).await;
    for plan in plans(query, arguments).await {
        assert!(!plan.contains("Filter"), "{plan}");
    }
}

/// As above, for a query that also leaves out some of the rows which the index leads to.
async fn assert_in_the_order_of(index: &str, query: &str, arguments: &str) {
    for plan in plans(query, arguments).await {
        assert!(plan.contains(&format!(" using {index} on ")), "{plan}");
        assert!(!plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
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

/// The first page and a later one of what is between a user and others.
async fn assert_pages(index: &str, table: &str, owner: &str, key: &str, user: u32) {
    let page = |condition: &str| {
        format!(
            "SELECT {key}, created_at FROM social_graph.{table} WHERE {owner} = $1 {condition}
            ORDER BY created_at DESC, {key} DESC LIMIT $2"
        )
    };
    let next = format!("AND (created_at, {key}) < ($3, $4)");
    assert_served_by(index, &page(""), &format!("{user}, 51")).await;
    assert_served_by(index, &page(&next), &format!("{user}, 51, now(), 7")).await;
}

#[tokio::test]
async fn friends_blocks_and_requests_newest_first() {
    assert_pages(
        "social_graph_friendships_page",
        "friendships",
        "user_id",
        "friend_id",
        1,
    )
    .await;
    assert_pages(
        "social_graph_blocks_page",
        "blocks",
        "blocker_id",
        "blocked_id",
        1,
    )
    .await;
    let requests = "friend_requests";
    assert_pages(
        "social_graph_friend_requests_sent_page",
        requests,
        "from_user_id",
        "id",
        7,
    )
    .await;
    assert_pages(
        "social_graph_friend_requests_received_page",
        requests,
        "to_user_id",
        "id",
        2000,
    )
    .await;
}

const MUTUAL_FRIENDS: &str = "SELECT one.friend_id FROM social_graph.friendships AS one
    JOIN social_graph.friendships AS other
        ON other.user_id = $2 AND other.friend_id = one.friend_id AND other.friend_id > $3
    WHERE one.user_id = $1 AND one.friend_id > $3
    ORDER BY one.friend_id LIMIT $4";

#[tokio::test]
async fn mutual_friends_by_id() {
    let query = MUTUAL_FRIENDS;
    assert_in_the_order_of("social_graph_friendships_pkey", query, "7, 9, 0, 51").await;
    assert_in_the_order_of("social_graph_friendships_pkey", query, "7, 9, 1000, 51").await;
}

// Control: without the condition on the friends of the other, 4,051 of them are read.
#[tokio::test]
async fn a_late_page_of_mutual_friends_reads_no_more_of_either_side_than_the_first() {
    let conn = &mut FILLED.get_or_init(filled).await.owner().await;
    let rows = "BEGIN;
        SET LOCAL session_replication_role = replica;
        INSERT INTO social_graph.friendships
            SELECT one, other FROM generate_series(10001, 10002) AS one, generate_series(20001, 25000) AS other;
        ANALYZE social_graph.friendships;
        -- The plan that walks both sides, which is the planner's own once the table was vacuumed.
        SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_bitmapscan = off;
        CREATE FUNCTION pg_temp.explain(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
        BEGIN RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ' || statement; END $$";
    execute(conn, &format!("{rows}; PREPARE hot AS {MUTUAL_FRIENDS}")).await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let plan = plan(conn, mode, "10001, 10002, 24000, 51").await;
        assert!(plan.contains("Merge Join"), "{plan}");
        let read = plan.split("actual rows=").skip(1).map(|step| {
            let digits = step.chars().take_while(char::is_ascii_digit);
            digits.collect::<String>().parse::<u32>().expect("a number")
        });
        let read: Vec<u32> = read.collect();
        assert!(read.len() >= 3 && read.iter().all(|rows| *rows <= 51), "{plan}");
    }
}

#[tokio::test]
async fn the_newest_friends_of_the_newest_friends() {
    let newest = |user: &str| {
        format!(
            "SELECT friend_id FROM social_graph.friendships WHERE user_id = {user}
            ORDER BY created_at DESC, friend_id DESC LIMIT 500"
        )
    };
    let query = format!(
        "SELECT theirs.friend_id FROM ({}) AS friends CROSS JOIN LATERAL ({}) AS theirs",
        newest("$1"),
        newest("friends.friend_id")
    );
    assert_served_by("social_graph_friendships_page", &query, "7").await;
}

#[tokio::test]
async fn mutes_newest_first() {
    let query = "SELECT muted_id, created_at, expires_at FROM social_graph.mutes
        WHERE muter_id = $1 AND (expires_at IS NULL OR expires_at > now()) AND (created_at, muted_id) < ($2, $3)
        ORDER BY created_at DESC, muted_id DESC LIMIT $4";
    assert_in_the_order_of("social_graph_mutes_page", query, "7, now(), 7, 51").await;
}

#[tokio::test]
async fn what_is_between_two_users() {
    let request = "SELECT id FROM social_graph.friend_requests
        WHERE least(from_user_id, to_user_id) = least($1::bigint, $2)
            AND greatest(from_user_id, to_user_id) = greatest($1, $2)";
    assert_served_by("social_graph_friend_requests_pair_key", request, "7, 9").await;
    for (table, one, other) in [
        ("friendships", "user_id", "friend_id"),
        ("blocks", "blocker_id", "blocked_id"),
        ("mutes", "muter_id", "muted_id"),
        ("friend_request_declines", "from_user_id", "to_user_id"),
    ] {
        let query = format!("SELECT FROM social_graph.{table} WHERE {one} = $1 AND {other} = $2");
        assert_served_by(&format!("social_graph_{table}_pkey"), &query, "7, 9").await;
    }
}

/// What two users are to each other, as it is read of a pair.
const PAIRS: [(&str, &str, &str, &str); 5] = [
    ("follows", "follower_id", "followed_id", "created_at"),
    ("friendships", "user_id", "friend_id", "created_at"),
    ("blocks", "blocker_id", "blocked_id", "created_at"),
    ("mutes", "muter_id", "muted_id", "created_at, expires_at"),
    (
        "friend_request_declines",
        "from_user_id",
        "to_user_id",
        "expires_at",
    ),
];

/// One user has edges to and from 5,000 others, of whom each has these two alone, and the visibility maps are full: where a
/// plan for any user expects few edges, and expects to find them in an index alone.
async fn with_one_popular_user() -> Database {
    let database = Database::migrated().await;
    let conn = &mut database.owner().await;
    execute(conn, "SET session_replication_role = replica").await;
    for (table, one, other, _) in PAIRS {
        let columns = match table {
            "friend_request_declines" => format!("{one}, {other}, expires_at"),
            _ => format!("{one}, {other}, created_at"),
        };
        let rows = format!(
            "INSERT INTO social_graph.{table} ({columns})
                SELECT one, other, now() + (step * 7919 % 5000) * interval '1 s' FROM generate_series(1, 5000) AS step,
                    LATERAL (VALUES (1, 100 + step), (100 + step, 1)) AS edge (one, other)"
        );
        execute(conn, &rows).await;
        execute(conn, &format!("VACUUM (ANALYZE) social_graph.{table}")).await;
    }
    database
}

// Control: with primary keys that do not include the times, the pages and the indexes of foreign keys serve some of them.
#[tokio::test]
async fn what_is_read_of_a_pair_is_found_by_its_primary_key_however_many_edges_the_two_have() {
    let database = with_one_popular_user().await;
    for (table, one, other, columns) in PAIRS {
        let pair = format!("SELECT {columns} FROM social_graph.{table} WHERE {one} = $1 AND {other} = $2");
        let of_many = format!(
            "WITH wanted AS MATERIALIZED (SELECT * FROM unnest($1::bigint[], $2::bigint[]) AS wanted (one, other))
            SELECT (SELECT ({columns})::text FROM social_graph.{table} WHERE {one} = wanted.one AND {other} = wanted.other)
            FROM wanted"
        );
        for (query, arguments) in [
            (&pair, "1, 700"),
            (&pair, "700, 1"),
            (&pair, "700, 701"),
            (&of_many, "'{1, 700}', '{700, 1}'"),
        ] {
            for plan in plans_in(&database, query, arguments).await {
                let index = format!(" using social_graph_{table}_pkey on ");
                assert!(plan.contains(&index), "{query}: {arguments}: {plan}");
                assert!(!plan.contains("Filter"), "{plan}");
            }
        }
    }
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
async fn users_who_are_mentioned() {
    let handles = "WITH meant AS MATERIALIZED (
            SELECT id, username_key, is_active FROM identity.handles WHERE username_key = ANY($1::text[]))
        SELECT * FROM meant";
    for plan in plans(handles, "'{u7,u8,u9}'").await {
        assert!(
            plan.contains("identity_users_username_key") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
}

#[tokio::test]
async fn users_newest_first() {
    let first = "SELECT id, email FROM identity.users ORDER BY date_joined DESC, id DESC LIMIT $1";
    let next = "SELECT id, email FROM identity.users WHERE (date_joined, id) < ($1, $2)
        ORDER BY date_joined DESC, id DESC LIMIT $3";
    assert_served_by("identity_users_by_time", first, "51").await;
    assert_served_by("identity_users_by_time", next, "now(), 7, 51").await;
}

#[tokio::test]
async fn sessions_of_a_user_newest_first() {
    let first = "SELECT id, device_label FROM identity.sessions WHERE user_id = $1 AND expires_at > now()
        ORDER BY created_at DESC, id DESC LIMIT $2";
    let next = "SELECT id, device_label FROM identity.sessions
        WHERE user_id = $1 AND expires_at > now() AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT $4";
    assert_in_the_order_of("identity_sessions_by_user", first, "1, 51").await;
    assert_in_the_order_of("identity_sessions_by_user", next, "1, now(), 7, 51").await;
}

#[tokio::test]
async fn refresh_tokens_by_their_hash_and_the_live_one_of_a_session() {
    let token = "SELECT session_id FROM identity.refresh_tokens WHERE token_hash = $1";
    let live = "SELECT token_hash FROM identity.refresh_tokens WHERE session_id = $1 AND rotated_at IS NULL";
    assert_served_by("identity_refresh_tokens_pkey", token, "sha256('1')").await;
    assert_served_by("identity_refresh_tokens_live_key", live, "7").await;
}

#[tokio::test]
async fn service_accounts_by_name_and_newest_first() {
    let name =
        "SELECT id, secret_hash = $2 AND revoked_at IS NULL FROM identity.service_accounts WHERE name = $1";
    let first = "SELECT id, name FROM identity.service_accounts ORDER BY created_at DESC, id DESC LIMIT $1";
    let next = "SELECT id, name FROM identity.service_accounts WHERE (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT $3";
    assert_served_by("identity_service_accounts_name_key", name, "'s7', sha256('7')").await;
    assert_served_by("identity_service_accounts_by_time", first, "51").await;
    assert_served_by("identity_service_accounts_by_time", next, "now(), 7, 51").await;
}

/// As the store of identity asks, for the first page and a later one.
#[tokio::test]
async fn audit_events_newest_first_of_all_and_of_a_subject() {
    let all = "SELECT * FROM identity.audit_events WHERE (created_at, id) < ($1, $2)
        ORDER BY created_at DESC, id DESC LIMIT 51";
    assert_in_the_order_of("identity_audit_events_by_time", all, "now(), 7").await;
    let of_one = "SELECT * FROM identity.audit_events WHERE subject = $1 AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC LIMIT 51";
    assert_served_by("identity_audit_events_by_subject", of_one, "'users/7', now(), 7").await;
}

#[tokio::test]
async fn what_has_had_its_time_oldest_first() {
    let sessions = "SELECT id FROM identity.sessions WHERE expires_at <= now()
        ORDER BY expires_at LIMIT $1";
    assert_in_the_order_of("identity_sessions_by_expiry", sessions, "1000").await;
    let throttles = "SELECT key FROM identity.throttles WHERE full_at <= now()
        ORDER BY full_at LIMIT $1";
    assert_in_the_order_of("identity_throttles_by_time", throttles, "100").await;
}

#[tokio::test]
async fn users_whose_names_begin_with_a_text() {
    let search = r#"
        SELECT found.name, users.id, username
        FROM identity.user_names AS found JOIN identity.users ON users.id = found.user_id
        WHERE (found.name, found.user_id) > (greatest(lower($1) COLLATE "C", $2), $3)
            AND found.name < lower($1) || repeat(U&'\+10FFFF', 1000)
            AND is_active
            AND found.name = (
                SELECT min(own.name) FROM identity.user_names AS own
                WHERE own.user_id = found.user_id AND own.name >= lower($1)
            )
        ORDER BY found.name, found.user_id
        LIMIT $4"#;
    assert_in_the_order_of("identity_user_names_pkey", search, "'ADA', '', 0::bigint, 51").await;
    assert_in_the_order_of("identity_user_names_pkey", search, "'a', 'ada3', 7, 51").await;
}

#[tokio::test]
async fn posts_newest_first_of_all_and_of_an_author() {
    let page = |condition: &str| {
        format!(
            "SELECT * FROM posts.posts WHERE {condition} (created_at, id) < ($1, $2)
            ORDER BY created_at DESC, id DESC LIMIT 51"
        )
    };
    let arguments = "now(), 7";
    assert_served_by("posts_posts_page", &page(""), arguments).await;
    let replies = page("parent_id = $3 AND");
    assert_served_by("posts_posts_replies_page", &replies, "now(), 7, 1").await;
    for (index, condition, arguments) in [
        ("posts_posts_author_page", "author_id = $3 AND", "now(), 7, 1"),
        (
            "posts_posts_author_top_page",
            "author_id = $3 AND parent_id IS NULL AND",
            "now(), 7, 1",
        ),
        (
            "posts_posts_author_type_page",
            "author_id = $3 AND type = $4 AND",
            "now(), 7, 1, 'media'",
        ),
        (
            "posts_posts_author_type_top_page",
            "author_id = $3 AND type = $4 AND parent_id IS NULL AND",
            "now(), 7, 1, 'media'",
        ),
    ] {
        assert_served_by(index, &page(condition), arguments).await;
    }
}

#[tokio::test]
async fn what_belongs_to_posts_newest_first() {
    for (index, table, condition, key, owner) in [
        ("posts_likes_post_page", "likes", "post_id = $3", "user_id", "1"),
        ("posts_likes_user_page", "likes", "user_id = $3", "post_id", "1"),
        ("posts_shares_post_page", "shares", "post_id = $3", "user_id", "1"),
        ("posts_shares_user_page", "shares", "user_id = $3", "post_id", "1"),
        (
            "posts_mentions_user_page",
            "mentions",
            "user_id = $3",
            "post_id",
            "1",
        ),
        (
            "posts_hashtags_tag_page",
            "hashtags",
            r#"tag COLLATE "C" = $3"#,
            "post_id",
            "'tag1'",
        ),
    ] {
        let page = format!(
            "SELECT {key}, created_at FROM posts.{table} WHERE {condition} AND (created_at, {key}) < ($1, $2)
            ORDER BY created_at DESC, {key} DESC LIMIT 51"
        );
        assert_served_by(index, &page, &format!("now(), 7, {owner}")).await;
    }
    let edits =
        "SELECT * FROM posts.post_edits WHERE post_id = $1 AND version < $2 ORDER BY version DESC LIMIT 51";
    assert_served_by("posts_post_edits_pkey", edits, "1, 10000").await;
}

/// Not by walking all who like the post, nor all that the user likes.
#[tokio::test]
async fn does_a_user_like_or_share_a_post() {
    for table in ["likes", "shares"] {
        let query = format!(
            "SELECT user_id FROM posts.{table} WHERE post_id = $1 AND user_id >= $2 ORDER BY user_id LIMIT 1"
        );
        assert_served_by(&format!("posts_{table}_pkey"), &query, "1, 1").await;
    }
}

#[tokio::test]
async fn posts_with_words() {
    let query = "SELECT id FROM posts.posts
        WHERE to_tsvector('pg_catalog.simple', content) @@ (SELECT websearch_to_tsquery('pg_catalog.simple', $1))";
    for plan in plans(query, "'17'").await {
        assert!(
            plan.contains("posts_posts_search") && !plan.contains("Seq Scan"),
            "{plan}"
        );
    }
}

#[tokio::test]
#[should_panic(expected = "Sort")]
async fn a_query_in_another_order_is_noticed() {
    let query = "SELECT follower_id FROM social_graph.follows WHERE followed_id = $1 ORDER BY created_at, follower_id DESC";
    assert_served_by("social_graph_follows_followers_page", query, "1").await;
}
