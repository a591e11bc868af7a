//! What lists read: the server itself says, of each statement that a call sends, which indexes serve it and how many rows it
//! takes from each table. Planned for their arguments or for any, and for users who block nobody, one, and ten thousand.

use std::fs;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::posts::v1::*;
use kith_postgres::PoolSettings;
use kith_testkit::{AppOptions, TestApp, TestDatabase, TestUser, answer, cluster};
use tokio::time::Instant;

use crate::support::{LOG, number};

/// The first three users read; the third has ten thousand others blocked, and one of a hundred authors is among them, whom
/// the second blocks too; ten thousand block the second. The fourth has written, and mentions, likes and shares belong to, a lot;
/// the first post has a lot of replies, likes and shares. The indexes of pages are the last ones made, as after a REINDEX
/// CONCURRENTLY: of two that seem to cost the same PostgreSQL takes the later one.
const FILL: &str = "
    SET session_replication_role = replica;
    INSERT INTO identity.users (username) SELECT 'filler' || number FROM generate_series(1, 10100) AS number;
    INSERT INTO social_graph.blocks SELECT 3, id FROM identity.users WHERE id BETWEEN 100 AND 10099;
    INSERT INTO social_graph.blocks VALUES (2, 100);
    INSERT INTO social_graph.blocks SELECT id, 2 FROM identity.users WHERE id BETWEEN 100 AND 10099;
    INSERT INTO social_graph.blocks SELECT id, id + 1 FROM identity.users WHERE id BETWEEN 200 AND 4000;
    INSERT INTO posts.posts (author_id, content, type, parent_id, created_at)
        SELECT CASE number % 5 WHEN 0 THEN 4 ELSE 5 + number % 96 END,
            'the post ' || number || CASE number % 2000 WHEN 0 THEN ' rare' ELSE '' END,
            (ARRAY['thoughts', 'media', 'milestones'])[1 + number % 3],
            CASE WHEN number % 4 IN (1, 2) AND number > 10 THEN CASE number % 7 WHEN 0 THEN 1 ELSE number / 2 END END,
            now() - (30000 - number) * interval '1 minute'
        FROM generate_series(1, 30000) AS number;
    UPDATE posts.posts SET comment_count = (SELECT count(*) FROM posts.posts AS replies WHERE replies.parent_id = posts.id)
        WHERE id <= 10;
    INSERT INTO posts.mentions SELECT id, 4 + id % 3, created_at, '{0}', '{3}' FROM posts.posts;
    INSERT INTO posts.hashtags SELECT id, 'tag' || id % 3, created_at, '{4}', '{8}' FROM posts.posts;
    INSERT INTO posts.likes SELECT id, 1 + id % 4, created_at FROM posts.posts;
    INSERT INTO posts.shares SELECT id, 1 + id % 4, created_at FROM posts.posts;
    INSERT INTO posts.likes SELECT 1, 20000 + number, now() FROM generate_series(1, 10000) AS number;
    INSERT INTO posts.shares SELECT 1, 20000 + number, now() FROM generate_series(1, 10000) AS number;
    INSERT INTO posts.post_edits SELECT id, number, content, type, media_url, created_at, created_at
        FROM posts.posts, generate_series(1, CASE id WHEN 1 THEN 2000 ELSE 1 END) AS number;
    UPDATE posts.posts SET likes_count = (SELECT count(*) FROM posts.likes WHERE post_id = posts.id) WHERE id IN (1, 11);
    DROP INDEX posts.posts_likes_post_page, posts.posts_likes_user_page, posts.posts_shares_post_page, posts.posts_shares_user_page;
    CREATE INDEX posts_likes_post_page ON posts.likes (post_id, created_at DESC, user_id DESC);
    CREATE INDEX posts_likes_user_page ON posts.likes (user_id, created_at DESC, post_id DESC);
    CREATE INDEX posts_shares_post_page ON posts.shares (post_id, created_at DESC, user_id DESC);
    CREATE INDEX posts_shares_user_page ON posts.shares (user_id, created_at DESC, post_id DESC)";

/// What a page of ten takes from a table at most: the page, and what of the rest is hidden, or beneath other posts.
const ROWS: f64 = 200.0;
/// What is in every post.
const PARTS: [&str; 4] = [
    "posts_likes_pkey",
    "posts_shares_pkey",
    "posts_mentions_pkey",
    "posts_hashtags_pkey",
];

/// The server's log, where auto_explain writes how this one database's statements went.
struct Plans {
    read: usize,
}

impl Plans {
    async fn of(database: &TestDatabase, plan_cache_mode: &str) -> Self {
        let name = database.name();
        let settings = [
            ("session_preload_libraries", "auto_explain"),
            ("auto_explain.log_min_duration", "0"),
            ("auto_explain.log_analyze", "on"),
            ("auto_explain.log_timing", "off"),
            ("plan_cache_mode", plan_cache_mode),
        ];
        let mut sql = "LOAD 'auto_explain';".to_owned();
        for (setting, value) in settings {
            sql += &format!("ALTER DATABASE {name} SET {setting} = '{value}';");
        }
        let mut superuser = database.superuser().await;
        superuser.batch_execute(&sql).await.expect("settings");
        Self { read: log().len() }
    }

    /// Asserts that what was logged since the last look uses all of these indexes, and takes few rows of any table.
    async fn assert_served_by(&mut self, call: &str, indexes: &[&str], rows: f64) {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            let log = log();
            let plans = &log[self.read..];
            // Plans are written when a statement ends, which may be a moment after its last row arrived.
            if indexes.iter().all(|index| plans.contains(&format!(" {index} "))) {
                assert_few_rows(call, plans, rows);
                self.read = log.len();
                return;
            }
            assert!(
                Instant::now() < give_up,
                "{call} does not use {indexes:?}: {plans}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn log() -> String {
    let bytes = fs::read(cluster().log()).expect("the server's log");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn assert_few_rows(call: &str, plans: &str, most: f64) {
    let mut table = None;
    for line in plans.lines() {
        if line.contains("->") || line.contains("Scan") {
            table = ["posts", "post_edits", "likes", "shares", "mentions", "hashtags"]
                .into_iter()
                .find(|table| line.contains("Scan") && line.contains(&format!(" on {table} ")));
            // Pairs of users, and not whom the viewer blocks, which is told below.
            if call == "create_post" && line.contains("social_graph_blocks_") {
                table = Some("blocks");
            }
        }
        // Whom the viewer blocks is read once, however many rows are compared with it.
        let most = if line.contains(" on hidden ") {
            10_000.0
        } else {
            most
        };
        let is_checked = table.is_some() || line.contains(" on hidden ");
        assert!(
            !is_checked || rows(line) <= most,
            "{call} reads too much: {line}\n{plans}"
        );
        let compares = table.is_some() && line.contains("Filter:") && line.contains("author_id")
            || line.contains("NOT (SubPlan");
        assert!(!compares || line.contains("hashed"), "{call}: {line}\n{plans}");
    }
}

/// How many rows a step of a plan took or threw away, in all its rounds.
fn rows(line: &str) -> f64 {
    let number = |name: &str| -> Option<f64> {
        let digits = line.split(name).nth(1)?;
        let end = digits.find(|next: char| !next.is_ascii_digit() && next != '.');
        digits[..end.unwrap_or(digits.len())].parse().ok()
    };
    let thrown_away = number("Rows Removed by Filter: ").unwrap_or_default();
    let taken = number("actual rows=").unwrap_or_default() * number(" loops=").unwrap_or(1.0);
    thrown_away + taken
}

async fn app() -> TestApp {
    let options = AppOptions {
        pool: PoolSettings {
            // Every call has a new connection, and so the settings of the moment.
            max_lifetime: Duration::ZERO,
            ..AppOptions::default().pool
        },
        ..AppOptions::default()
    };
    TestApp::start_with(options).await
}

async fn filled() -> (TestApp, Vec<TestUser>) {
    let app = app().await;
    let mut users = app.users(&["a", "b", "c", "d"]).await;
    users.sort_by_key(|user| user.id);
    assert_eq!(users.iter().map(|user| user.id).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let mut superuser = app.database.superuser().await;
    superuser.batch_execute(FILL).await.expect("rows");
    superuser
        .batch_execute("VACUUM (ANALYZE)")
        .await
        .expect("statistics");
    (app, users)
}

/// Reads two pages of a list, and looks at the plans of each.
macro_rules! list {
    ($plans:ident, $posts:ident, $indexes:expr, $rpc:ident($request:ident { $($field:ident: $value:expr),* $(,)? })) => {{
        let mut page_token = String::new();
        for page in ["first", "second"] {
            let request = $request { $($field: $value,)* page_size: 10, page_token };
            page_token = answer($posts.$rpc(request).await).next_page_token;
            assert!(!page_token.is_empty(), "there is another page");
            let call = format!("{} page of {}", page, stringify!($rpc));
            $plans.assert_served_by(&call, &$indexes, ROWS).await;
        }
    }};
}

fn with_parts(index: &'static str) -> Vec<&'static str> {
    [&[index], PARTS.as_slice()].concat()
}

async fn lists(app: &TestApp, viewer: &TestUser, plans: &mut Plans) {
    let mut posts = app.posts(viewer);
    list!(
        plans,
        posts,
        with_parts("posts_posts_page"),
        list_posts(ListPostsRequest {})
    );
    for (kind, include_replies, index) in [
        (PostType::Unspecified, true, "posts_posts_author_page"),
        (PostType::Unspecified, false, "posts_posts_author_top_page"),
        (PostType::Media, true, "posts_posts_author_type_page"),
        (PostType::Media, false, "posts_posts_author_type_top_page"),
    ] {
        list!(
            plans,
            posts,
            with_parts(index),
            list_posts_by_author(ListPostsByAuthorRequest {
                author_id: 4,
                r#type: number(kind),
                include_replies: include_replies,
            })
        );
    }
    list!(
        plans,
        posts,
        with_parts("posts_posts_replies_page"),
        list_replies(ListRepliesRequest { post_id: 1 })
    );
    list!(
        plans,
        posts,
        with_parts("posts_mentions_user_page"),
        list_mentions(ListMentionsRequest { user_id: 4 })
    );
    list!(
        plans,
        posts,
        with_parts("posts_hashtags_tag_page"),
        list_posts_by_hashtag(ListPostsByHashtagRequest {
            tag: "tag1".to_owned()
        })
    );
}

async fn likes_shares_and_edits(app: &TestApp, viewer: &TestUser, plans: &mut Plans) {
    let mut posts = app.posts(viewer);
    list!(
        plans,
        posts,
        ["posts_likes_post_page", "posts_posts_pkey"],
        list_likers(ListLikersRequest { post_id: 1 })
    );
    list!(
        plans,
        posts,
        ["posts_shares_post_page", "posts_posts_pkey"],
        list_sharers(ListSharersRequest { post_id: 1 })
    );
    list!(
        plans,
        posts,
        with_parts("posts_likes_user_page"),
        list_liked_posts(ListLikedPostsRequest { user_id: 4 })
    );
    list!(
        plans,
        posts,
        with_parts("posts_shares_user_page"),
        list_shared_posts(ListSharedPostsRequest { user_id: 4 })
    );
    list!(
        plans,
        posts,
        ["posts_post_edits_pkey", "posts_posts_pkey"],
        list_post_edits(ListPostEditsRequest { post_id: 1 })
    );
}

/// What is between the one who acts and the author, or whom a post names, is found by its key, however many the one blocks or is
/// blocked by; and so is a like or share of a post that very many like.
async fn writes(app: &TestApp, viewer: &TestUser, plans: &mut Plans) {
    let mut posts = app.posts(viewer);
    for post_id in [1, 11] {
        let (allow_existing, allow_missing) = (true, true);
        let request = LikePostRequest {
            post_id,
            allow_existing,
        };
        answer(posts.like_post(request).await);
        let indexes = [
            "using posts_likes_pkey on likes",
            "social_graph_blocks_pkey",
            "identity_users_pkey",
        ];
        plans.assert_served_by("like_post", &indexes, ROWS).await;
        let request = UnlikePostRequest {
            post_id,
            allow_missing,
        };
        answer(posts.unlike_post(request).await);
        plans
            .assert_served_by("unlike_post", &["using posts_likes_pkey on likes"], ROWS)
            .await;
    }
    let request = CreatePostRequest {
        content: "@filler1 and @filler2 #tag1".to_owned(),
        ..Default::default()
    };
    answer(posts.create_post(request).await);
    let indexes = ["using social_graph_blocks_pkey on blocks"];
    plans.assert_served_by("create_post", &indexes, ROWS).await;
}

async fn posts_and_threads(app: &TestApp, viewer: &TestUser, plans: &mut Plans) {
    let mut posts = app.posts(viewer);
    answer(posts.get_post(GetPostRequest { post_id: 1 }).await);
    plans
        .assert_served_by("get_post", &with_parts("posts_posts_pkey"), ROWS)
        .await;
    let request = BatchGetPostsRequest {
        post_ids: (1..=100).collect(),
    };
    answer(posts.batch_get_posts(request).await);
    plans
        .assert_served_by("batch_get_posts", &with_parts("posts_posts_pkey"), ROWS)
        .await;
    for post_id in [1, 20_002] {
        let request = GetThreadRequest {
            post_id,
            ..Default::default()
        };
        answer(posts.get_thread(request).await);
        // Thousands of posts beneath are not read: of each post of the thread, 11 replies, and one more time one of them.
        let indexes = [with_parts("posts_posts_pkey"), vec!["posts_posts_replies_page"]].concat();
        plans.assert_served_by("get_thread", &indexes, 2500.0).await;
    }
}

async fn searches(app: &TestApp, viewer: &TestUser, plans: &mut Plans) {
    let mut posts = app.posts(viewer);
    for (query, index, rows) in [
        ("the", "posts_posts_page", ROWS),
        ("rare", "posts_posts_search", 1100.0),
        // Thousands of posts match, of which one is near.
        ("the 29001", "posts_posts_search", 1100.0),
    ] {
        let request = SearchPostsRequest {
            query: query.to_owned(),
            page_size: 10,
            ..Default::default()
        };
        assert!(
            !answer(posts.search_posts(request).await).posts.is_empty(),
            "{query}"
        );
        plans.assert_served_by(query, &with_parts(index), rows).await;
    }
    let request = SearchPostsRequest {
        query: "rare".to_owned(),
        order: SearchOrder::Best.into(),
        page_size: 10,
        ..Default::default()
    };
    answer(posts.search_posts(request).await);
    plans
        .assert_served_by("the best", &with_parts("posts_posts_search"), 2100.0)
        .await;
}

// Controls: with EXISTS in place of the viewer's first like, a page reads all that the viewer likes; with a plain join,
// ListLikedPosts read 29,751 posts and sorted what the user likes; with conditions on both columns of the key, unlike_post
// was planned by the index of all who like a post; with one condition for all whom a post names, it read all who block its author.
#[tokio::test(flavor = "multi_thread")]
async fn every_read_takes_few_rows_planned_for_its_arguments_or_for_any() {
    let _alone = LOG.lock().await;
    let (app, users) = filled().await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let mut plans = Plans::of(&app.database, mode).await;
        for viewer in &users[..3] {
            lists(&app, viewer, &mut plans).await;
            likes_shares_and_edits(&app, viewer, &mut plans).await;
            writes(&app, viewer, &mut plans).await;
            posts_and_threads(&app, viewer, &mut plans).await;
            searches(&app, viewer, &mut plans).await;
        }
    }
}

// Control: in the order of users alone, which the index of what a user likes has too, each post of a page cost a walk through
// all likes.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_viewer_likes_is_found_by_its_key_where_few_posts_have_all_the_likes() {
    const FEW: &str = "
        SET session_replication_role = replica;
        INSERT INTO posts.posts (author_id, content) SELECT 1, 'post' FROM generate_series(1, 20);
        INSERT INTO posts.likes (post_id, user_id)
            SELECT post, 100 + number FROM generate_series(1, 10000) AS number, generate_series(1, 10) AS post ORDER BY number;
        ANALYZE";
    let _alone = LOG.lock().await;
    let app = app().await;
    let viewer = app.user("viewer").await;
    let mut superuser = app.database.superuser().await;
    superuser.batch_execute(FEW).await.expect("rows");
    for mode in ["force_custom_plan", "force_generic_plan"] {
        let mut plans = Plans::of(&app.database, mode).await;
        answer(app.posts(&viewer).list_posts(ListPostsRequest::default()).await);
        plans
            .assert_served_by("list_posts", &["posts_likes_pkey"], ROWS)
            .await;
    }
}
