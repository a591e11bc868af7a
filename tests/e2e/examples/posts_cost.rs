//! What lists of posts cost against how much there is: home timelines, an author's posts, a post's replies.
//!
//! ```text
//! cargo run --release -p kith-e2e --example posts_cost [POSTS] [CALLS]
//! ```
//!
//! 1,000,000 posts of 20,000 authors, a fifth of them replies, and a fifth as many shares; three who follow 10, 1,000 and
//! 10,000 of the authors; one author with as many posts again, 10,000 pages of 100; and a post with a tenth as many replies.
//! All is filled by SQL and read over gRPC in pages of 100, in turns and in another order each time, 300 calls of each. A
//! page of the author's or of replies must hold the rows that SQL says it does, one of a timeline 100 items in their order.
//! Then the server logs what it is sent, and it is counted. The table is in microseconds, and each ratio is one of medians,
//! to the first line of its part. Some minutes, most of which the filling takes, and several GB in the temporary directory.
//! Let nothing else run meanwhile.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use kith_contracts::posts::v1::*;
use kith_primitives::{Cursor, Page, PageScope, Violations};
use kith_testkit::{TestApp, TestUser, answer, cluster};
use rand::seq::SliceRandom;

const PAGE_SIZE: i64 = 100;
const AUTHORS: i64 = 20_000;
const WARM_UP: usize = 20;
/// Of so many calls the statements are counted; the median leaves out what a service asks once a second.
const COUNTED: usize = 21;

/// A page beyond all others.
const NO_MORE: Cursor = Cursor {
    created_at_micros: i64::MAX,
    key: i64::MAX,
};

/// How much longer than the first line of its part a line may take.
const LATE_PAGE_MAX: f64 = 1.5;
/// A thousand followed people take as long as a look at the network's newest 2,000 posts does: 4.9 times as long on two cores.
const FOLLOWS_1000_MAX: f64 = 8.0;
/// Reading whom one follows grows with how many they are, all else does not: far from a thousand times as long.
const FOLLOWS_10000_MAX: f64 = 12.0;

/// Users and whom they follow. Every rule holds of what this and the next write, so that nothing needs to look at each row.
fn fill_users(followers: &[(i64, i64)]) -> Vec<String> {
    let mut fill = vec![
        "SET session_replication_role = replica".to_owned(),
        "SET work_mem = '256MB'".to_owned(),
        format!(
            "CREATE TEMP TABLE authors AS
            WITH made AS (
                INSERT INTO identity.users (username) SELECT 'author' || number FROM generate_series(1, {AUTHORS}) AS number
                RETURNING id
            )
            SELECT id, row_number() OVER (ORDER BY id) AS number FROM made"
        ),
        "CREATE UNIQUE INDEX ON authors (number)".to_owned(),
        "ANALYZE authors".to_owned(),
    ];
    for (follower, number) in followers {
        // Spread over those who post much and those who post little.
        fill.push(format!(
            "INSERT INTO social_graph.follows (follower_id, followed_id)
            SELECT {follower}, id FROM authors ORDER BY hashint8(number + {follower}) LIMIT {number}"
        ));
    }
    // What the planner takes for usual.
    fill.push(
        "INSERT INTO social_graph.follows (follower_id, followed_id)
        SELECT one.id, other.id FROM authors AS one, generate_series(1, 30) AS step
        JOIN authors AS other ON other.number = step * 631 WHERE one.number % 10 = 0 AND one.id <> other.id
        ON CONFLICT DO NOTHING"
            .to_owned(),
    );
    fill
}

/// The network's posts, ten seconds after each other, and shares of them; the prolific author's, and the replies to the
/// newest post of all.
fn fill_posts(posts: i64, prolific: i64) -> Vec<String> {
    let (shares, replies) = (posts / 5, posts / 10);
    let insert =
        "INSERT INTO posts.posts (id, author_id, content, parent_id, created_at) OVERRIDING SYSTEM VALUE";
    vec![
        // Some authors post much more than others.
        format!(
            "{insert}
            SELECT post.number, authors.id, 'what somebody has to say, number ' || post.number,
                CASE WHEN post.number % 5 = 0 THEN post.number / 2 END,
                now() - ({posts} - post.number) * interval '10 seconds'
            FROM (
                SELECT number, 1 + floor(power(random(), 2) * {AUTHORS})::bigint AS author
                FROM generate_series(1, {posts}) AS number
            ) AS post JOIN authors ON authors.number = author
            ORDER BY post.number"
        ),
        format!(
            "INSERT INTO posts.shares (post_id, user_id, created_at)
            SELECT post_id, authors.id, posts.created_at + (now() - posts.created_at) * random() / 100
            FROM (
                SELECT 1 + floor(random() * {posts})::bigint AS post_id,
                    1 + floor(power(random(), 2) * {AUTHORS})::bigint AS author
                FROM generate_series(1, {shares})
            ) AS share JOIN authors ON number = author JOIN posts.posts ON posts.id = post_id
            ON CONFLICT DO NOTHING"
        ),
        format!(
            "UPDATE posts.posts SET shares_count = counted.rows
            FROM (SELECT post_id, count(*) AS rows FROM posts.shares GROUP BY post_id) AS counted WHERE id = post_id"
        ),
        format!(
            "{insert} SELECT {posts} + number, {prolific}, 'one of many', NULL, now() - number * interval '10 seconds'
            FROM generate_series(1, {posts} + 1) AS number"
        ),
        format!(
            "{insert}
            SELECT 3 * {posts} + replies.number, id, 'a reply', {posts}, now() - replies.number * interval '1 minute'
            FROM generate_series(1, {replies} + 1) AS replies (number)
            JOIN authors ON authors.number = 1 + replies.number % {AUTHORS}"
        ),
        "VACUUM (ANALYZE)".to_owned(),
        "CHECKPOINT".to_owned(),
    ]
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

/// The posts of a list, newest first.
async fn places(conn: &mut AsyncPgConnection, condition: &str, limit: i64, offset: i64) -> Vec<Place> {
    sql_query(format!(
        "SELECT id, (extract(epoch FROM created_at) * 1000000)::bigint AS micros FROM posts.posts
        WHERE {condition} ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}"
    ))
    .load(conn)
    .await
    .expect("posts")
}

/// Which list a page is of.
#[derive(Clone, Copy)]
enum List {
    Timeline,
    Author(i64),
    Replies(i64),
}

impl List {
    fn scope(self, viewer: &TestUser) -> PageScope {
        match self {
            List::Timeline => PageScope::new("ListHomeTimeline", &[viewer.id]),
            List::Author(id) => PageScope::new("ListPostsByAuthor", &[id, 0, 0]),
            List::Replies(id) => PageScope::new("ListReplies", &[id]),
        }
    }
}

/// A page of a list, and what it must hold.
struct Probe {
    label: String,
    list: List,
    viewer: TestUser,
    token: String,
    /// Of a timeline none are named.
    ids: Option<Vec<i64>>,
    max_ratio: f64,
    samples: Vec<Duration>,
    sent: Sent,
}

impl Probe {
    fn new(label: String, list: List, viewer: &TestUser, after: Option<Cursor>, max_ratio: f64) -> Self {
        Self {
            label,
            list,
            viewer: viewer.clone(),
            token: after.map_or_else(String::new, |after| token(list.scope(viewer), after)),
            ids: None,
            max_ratio,
            samples: Vec::new(),
            sent: Sent::default(),
        }
    }

    /// The numbered page of a list, as SQL sees it.
    async fn numbered(
        conn: &mut AsyncPgConnection,
        (list, condition): (List, &str),
        viewer: &TestUser,
        number: i64,
    ) -> Self {
        let mut after = None;
        if number > 1 {
            let last = places(conn, condition, 1, PAGE_SIZE * (number - 1) - 1).await;
            after = Some(Cursor {
                created_at_micros: last[0].micros,
                key: last[0].id,
            });
        }
        let rpc = match list {
            List::Timeline => "ListHomeTimeline",
            List::Author(_) => "ListPostsByAuthor",
            List::Replies(_) => "ListReplies",
        };
        let rows = places(conn, condition, PAGE_SIZE, PAGE_SIZE * (number - 1)).await;
        Self {
            ids: Some(rows.iter().map(|row| row.id).collect()),
            ..Self::new(
                format!("{rpc}, page {number}"),
                list,
                viewer,
                after,
                LATE_PAGE_MAX,
            )
        }
    }

    /// Asks for the page once.
    async fn call(&self, app: &TestApp) -> Duration {
        let mut client = app.posts(&self.viewer);
        let (page_size, page_token) = (100, self.token.clone());
        let began = Instant::now();
        let (took, ids, next) = match self.list {
            List::Timeline => {
                let request = ListHomeTimelineRequest {
                    page_size,
                    page_token,
                };
                let page = answer(client.list_home_timeline(request).await);
                let took = began.elapsed();
                (took, in_order(&page.items), page.next_page_token)
            }
            List::Author(author_id) => {
                let request = ListPostsByAuthorRequest {
                    author_id,
                    page_size,
                    page_token,
                    ..Default::default()
                };
                let page = answer(client.list_posts_by_author(request).await);
                (began.elapsed(), ids(&page.posts), page.next_page_token)
            }
            List::Replies(post_id) => {
                let request = ListRepliesRequest {
                    post_id,
                    page_size,
                    page_token,
                };
                let page = answer(client.list_replies(request).await);
                (began.elapsed(), ids(&page.posts), page.next_page_token)
            }
        };
        assert_eq!(ids.len(), 100, "{}", self.label);
        assert!(
            self.ids.as_ref().is_none_or(|expected| *expected == ids),
            "{}",
            self.label
        );
        assert_ne!(next, "", "{}: something is left", self.label);
        took
    }
}

fn ids(posts: &[Post]) -> Vec<i64> {
    posts.iter().map(|post| post.id).collect()
}

fn in_order(items: &[TimelineItem]) -> Vec<i64> {
    let place = |item: &TimelineItem| {
        let time = item.position_time.expect("a time");
        (time.seconds, time.nanos, item.post.as_ref().expect("a post").id)
    };
    let places: Vec<_> = items.iter().map(place).collect();
    assert!(
        places.is_sorted_by(|one, next| one > next),
        "newest first, each once"
    );
    places.into_iter().map(|(_, _, id)| id).collect()
}

/// The service's own code makes the token.
fn token(scope: PageScope, after: Cursor) -> String {
    let page: Option<Page> = Page::parse(scope, 1, "", &mut Violations::new());
    page.expect("a page").finish(&mut vec![(), ()], |()| after)
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: i64| {
        arguments
            .next()
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let (posts, calls) = (number(1_000_000), number(300));
    assert!(
        posts >= 1_000_000 && calls > 0,
        "1,000,000 posts at least, and a call"
    );

    let app = TestApp::start().await;
    let users = app
        .users(&["prolific", "follows10", "follows1000", "follows10000"])
        .await;
    let mut superuser = app.database.superuser().await;
    let began = Instant::now();
    let followers = [(users[1].id, 10), (users[2].id, 1_000), (users[3].id, 10_000)];
    for sql in fill_users(&followers)
        .into_iter()
        .chain(fill_posts(posts, users[0].id))
    {
        run(&mut superuser, &sql).await;
    }
    println!("{posts} posts, filled in {:.0} s", began.elapsed().as_secs_f64());

    // As somebody who signs in now: the filling may take longer than a token lasts.
    let users: Vec<TestUser> = users
        .iter()
        .map(|user| app.signed_in(user.id, &user.username))
        .collect();
    let mut parts = parts(&mut superuser, &users, posts).await;
    let calls = usize::try_from(calls).expect("small");
    measure(&app, &mut parts, calls).await;
    count_statements(&app, &mut superuser, &mut parts).await;
    report(&parts)
}

/// The lines of the table, in parts, of each of which the first is what the others are measured by.
async fn parts(conn: &mut AsyncPgConnection, users: &[TestUser], posts: i64) -> Vec<Vec<Probe>> {
    let middle = places(conn, &format!("id = {}", posts / 4 * 3), 1, 0).await;
    let later = Cursor {
        created_at_micros: middle[0].micros,
        ..NO_MORE
    };
    let mut timelines = Vec::new();
    for (user, number, max) in [
        (&users[1], 10, 1.0),
        (&users[2], 1_000, FOLLOWS_1000_MAX),
        (&users[3], 10_000, FOLLOWS_10000_MAX),
    ] {
        for (place, after) in [("first page", None), ("a quarter down", Some(later))] {
            let label = format!("ListHomeTimeline, follows {number}, {place}");
            let max = max * if after.is_some() { LATE_PAGE_MAX } else { 1.0 };
            timelines.push(Probe::new(label, List::Timeline, user, after, max));
        }
    }
    let (prolific, viewer) = (users[0].id, &users[1]);
    let by_author = format!("author_id = {prolific}");
    let replies = format!("parent_id = {posts}");
    let mut parts = vec![timelines];
    for (list, condition, rows) in [
        (List::Author(prolific), by_author, posts),
        (List::Replies(posts), replies, posts / 10),
    ] {
        let mut part = Vec::new();
        for number in [1, rows / PAGE_SIZE] {
            part.push(Probe::numbered(conn, (list, &condition), viewer, number).await);
        }
        parts.push(part);
    }
    parts
}

async fn measure(app: &TestApp, parts: &mut [Vec<Probe>], calls: usize) {
    let mut probes: Vec<&mut Probe> = parts.iter_mut().flatten().collect();
    for round in 0..calls + WARM_UP {
        probes.shuffle(&mut rand::rng());
        for probe in &mut probes {
            let took = probe.call(app).await;
            if round >= WARM_UP {
                probe.samples.push(took);
            }
        }
    }
}

/// Counts what each call sends, as the server sees it: it logs each statement before it runs it, with who sent it.
async fn count_statements(app: &TestApp, superuser: &mut AsyncPgConnection, parts: &mut [Vec<Probe>]) {
    for sql in [
        "ALTER SYSTEM SET log_line_prefix = '%u '",
        "ALTER SYSTEM SET log_statement = 'all'",
        "ALTER SYSTEM SET log_min_duration_statement = 0",
        "SELECT pg_reload_conf()",
    ] {
        run(superuser, sql).await;
    }
    // A session takes it up when its next statement arrives, so the first ones may go by unseen.
    while logged().statements == 0 {
        parts[0][0].call(app).await;
    }
    for probe in parts.iter_mut().flatten() {
        let (mut statements, mut prepared) = (Vec::new(), Vec::new());
        for _ in 0..COUNTED {
            let before = logged();
            probe.call(app).await;
            let after = logged();
            statements.push(after.statements - before.statements);
            prepared.push(after.prepared - before.prepared);
        }
        probe.sent = Sent {
            statements: median(&mut statements),
            prepared: median(&mut prepared),
        };
    }
}

/// What posts sent: each statement is a round trip, and so is the preparation of one.
#[derive(Clone, Copy, Default)]
struct Sent {
    statements: usize,
    prepared: usize,
}

/// What the server's log has.
fn logged() -> Sent {
    let log = fs::read(cluster().log()).expect("the server's log");
    let mut sent = Sent::default();
    for line in String::from_utf8_lossy(&log).lines() {
        let line = line.strip_prefix("kith_posts LOG:  ").unwrap_or_default();
        sent.statements += usize::from(line.starts_with("statement:") || line.starts_with("execute "));
        sent.prepared += usize::from(line.starts_with("duration:") && line.contains(" ms  parse "));
    }
    sent
}

fn report(parts: &[Vec<Probe>]) -> ExitCode {
    let mut good = true;
    println!(
        "\n{:44} {:>6} {:>8} {:>6} {:>6} {:>6} {:>11} {:>9}",
        "list", "min", "median", "p95", "ratio", "most", "statements", "prepared"
    );
    for part in parts {
        let first = Summary::of(&part[0].samples).median;
        for probe in part {
            let summary = Summary::of(&probe.samples);
            let ratio = summary.median.as_secs_f64() / first.as_secs_f64();
            good &= ratio <= probe.max_ratio && probe.sent.statements == 1;
            println!(
                "{:44} {:>6} {:>8} {:>6} {ratio:>6.2} {:>6.1} {:>11} {:>9}",
                probe.label,
                summary.min.as_micros(),
                summary.median.as_micros(),
                summary.p95.as_micros(),
                probe.max_ratio,
                probe.sent.statements,
                probe.sent.prepared,
            );
        }
        println!();
    }
    println!(
        "each ratio at most what stands beside it, one statement each: {}",
        if good { "yes" } else { "no" }
    );
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Summary {
    min: Duration,
    median: Duration,
    p95: Duration,
}

impl Summary {
    fn of(samples: &[Duration]) -> Self {
        let mut samples = samples.to_vec();
        Self {
            median: median(&mut samples),
            min: samples[0],
            p95: samples[(samples.len() - 1) * 95 / 100],
        }
    }
}

/// Sorts them, too.
fn median<T: Ord + Copy>(samples: &mut [T]) -> T {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

async fn run(conn: &mut AsyncPgConnection, sql: &str) {
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
