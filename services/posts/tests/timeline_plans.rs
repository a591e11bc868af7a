//! What a page of a home timeline reads: the server itself says which indexes served it and how many rows it took from each
//! table. Planned for the viewer or for anybody.

use std::fs;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_postgres::PoolSettings;
use kith_testkit::{AppOptions, TestApp, TestUser, answer, cluster};
use tokio::time::Instant;

use crate::list_home_timeline::call;
use crate::support::LOG;

/// 2,000 authors with 40,000 posts, a fifth of them replies, and half as many shares, one post being shared by all; and 300
/// users who never post, but share.
const FILL: &str = "
    SET session_replication_role = replica;
    INSERT INTO identity.users (username) SELECT 'filler' || number FROM generate_series(1, 2300) AS number;
    CREATE TEMP TABLE authors AS SELECT id, row_number() OVER (ORDER BY id) AS number FROM identity.users
        WHERE username LIKE 'filler%';
    INSERT INTO posts.posts (id, author_id, content, parent_id, created_at) OVERRIDING SYSTEM VALUE
        SELECT post, id, 'post', CASE WHEN post % 5 = 0 THEN 1 END, now() - (40000 - post) * interval '1 minute'
        FROM generate_series(1, 40000) AS post JOIN authors ON authors.number = 1 + post * 7919 % 2000;
    INSERT INTO posts.shares (post_id, user_id, created_at)
        SELECT post * 2 + post % 2, id, now() - (20000 - post) * interval '2 minutes'
        FROM generate_series(1, 19000) AS post JOIN authors ON authors.number = 1 + post * 6007 % 2300;
    INSERT INTO posts.shares (post_id, user_id, created_at)
        SELECT 30000, id, now() - number * interval '1 second' FROM authors ON CONFLICT DO NOTHING;
    UPDATE posts.posts SET shares_count = counted.rows
        FROM (SELECT post_id, count(*) AS rows FROM posts.shares GROUP BY post_id) AS counted WHERE id = post_id;
    INSERT INTO social_graph.follows (follower_id, followed_id)
        SELECT one.id, other.id FROM authors AS one, authors AS other
        WHERE one.number % 20 = 0 AND other.number % 100 = 0 AND one.id <> other.id;";

/// The viewers, whom each follows, and how many rows of a table one step takes at most: some 2,000, or what there is where
/// the planner sees that few are left. Of so few shares as these it may sort all, where no post bounds them.
const VIEWERS: [(&str, &str, f64); 5] = [
    ("nobody", "FALSE", 50.0),
    ("ten", "number % 200 = 1 AND number <= 2000", 200.0),
    ("thousand", "number % 2 = 1", 6500.0),
    ("everybody", "TRUE", 6500.0),
    ("silent", "number > 2000", 25_000.0),
];

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
    let users = app.users(&VIEWERS.map(|(name, ..)| name)).await;
    let mut sql = FILL.to_owned();
    for (user, (_, followed, _)) in users.iter().zip(VIEWERS) {
        sql += &format!(
            "INSERT INTO social_graph.follows (follower_id, followed_id) SELECT {}, id FROM authors WHERE {followed};",
            user.id
        );
    }
    fill(&app, &sql).await;
    (app, users)
}

async fn fill(app: &TestApp, sql: &str) {
    let mut superuser = app.database.superuser().await;
    superuser.batch_execute(sql).await.expect("rows");
    superuser
        .batch_execute("VACUUM (ANALYZE)")
        .await
        .expect("a vacuum");
}

/// Plans are logged from now on.
async fn explain(app: &TestApp, mode: &str) {
    let name = app.database.name();
    let sql = format!(
        "LOAD 'auto_explain';
        ALTER DATABASE {name} SET session_preload_libraries = 'auto_explain';
        ALTER DATABASE {name} SET auto_explain.log_min_duration = 0;
        ALTER DATABASE {name} SET auto_explain.log_analyze = on;
        ALTER DATABASE {name} SET auto_explain.log_timing = off;
        ALTER DATABASE {name} SET plan_cache_mode = '{mode}'"
    );
    let mut superuser = app.database.superuser().await;
    superuser.batch_execute(&sql).await.expect("settings");
}

fn log() -> String {
    let bytes = fs::read(cluster().log()).expect("the server's log");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The plan of the one statement of a call.
async fn plan_of(app: &TestApp, user: &TestUser, token: &str) -> (String, String) {
    let before = log().len();
    let next = answer(call(app, user, 10, token).await).next_page_token;
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        let log = log();
        // A plan is written when its statement ends, which may be a moment after the last row arrived. Its last lines are
        // of the hashtags.
        let plan = &log[before..];
        let mine = plan
            .split("Query Text:")
            .find(|plan| plan.contains("chosen_sharers"));
        if let Some(plan) = mine.filter(|plan| plan.contains("Index") && plan.contains(" on hashtags ")) {
            return (plan.to_owned(), next);
        }
        assert!(Instant::now() < give_up, "no plan: {plan}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many rows a step of a plan took in all its rounds.
fn rows(line: &str) -> f64 {
    let number = |name: &str| -> Option<f64> {
        let rest = line.split(name).nth(1)?;
        let end = rest.find(|next: char| !next.is_ascii_digit() && next != '.');
        rest[..end.unwrap_or(rest.len())].parse().ok()
    };
    number("actual rows=").unwrap_or_default() * number(" loops=").unwrap_or_default()
}

fn assert_good(plan: &str, most: f64) {
    for line in plan.lines() {
        let on = |table: &str| line.contains("Scan") && line.contains(&format!(" on {table} "));
        if on("posts") || on("shares") {
            assert!(!line.contains("Seq Scan"), "{line}\n{plan}");
            assert!(rows(line) <= most, "more than {most}: {line}\n{plan}");
        }
        // Whether somebody is among so many is looked up, not searched for.
        let compares = line.contains("user_id = ANY (SubPlan") || line.contains("NOT (SubPlan");
        assert!(!compares, "{line}\n{plan}");
    }
}

// Control: the statement that looks each followed user's share up wherever more shared a post than the viewer follows. It
// does so for each of them, the silent viewer's 300 times 150.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_little_however_many_the_viewer_follows() {
    let _alone = LOG.lock().await;
    let (app, users) = filled().await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        explain(&app, mode).await;
        for (user, (name, _, most)) in users.iter().zip(VIEWERS) {
            let (plan, next) = plan_of(&app, user, "").await;
            assert_good(&plan, most);
            assert_eq!(next.is_empty(), name == "nobody");
            if !next.is_empty() {
                assert_good(&plan_of(&app, user, &next).await.0, most);
            }
        }
    }
}

// Control: the statement without a bound for replies throws all of them away.
#[tokio::test(flavor = "multi_thread")]
async fn replies_that_only_strangers_shared_are_passed_over_however_many_there_are() {
    let _alone = LOG.lock().await;
    let app = app().await;
    let users = app.users(&["viewer", "author", "stranger"]).await;
    let [viewer, author, stranger] = [&users[0], &users[1], &users[2]].map(|user| user.id);
    let sql = format!(
        "SET session_replication_role = replica;
        INSERT INTO posts.posts (author_id, content, parent_id, shares_count, created_at)
            SELECT {author}, 'post', CASE WHEN number > 60 THEN 1 END, CASE WHEN number > 60 THEN 1 ELSE 0 END,
                now() - number * interval '1 minute' FROM generate_series(1, 5000) AS number;
        INSERT INTO posts.shares SELECT id, {stranger}, created_at FROM posts.posts WHERE parent_id = 1;
        INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({viewer}, {author})"
    );
    fill(&app, &sql).await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        explain(&app, mode).await;
        let (plan, _) = plan_of(&app, &users[0], "").await;
        let thrown_away = plan.split("Rows Removed by Filter: ").skip(1);
        let most = thrown_away
            .filter_map(|rest| rest.lines().next()?.parse::<u64>().ok())
            .max();
        assert!(most.unwrap_or_default() < 100, "{plan}");
    }
}
