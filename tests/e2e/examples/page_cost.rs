//! Whether a late page of a list costs what the first one does, and what the relationships to 100 others cost.
//!
//! ```text
//! cargo run --release -p kith-e2e --example page_cost [PAGES] [CALLS]
//! ```
//!
//! One list of each kind, 10,000 pages of 100 long, filled by SQL and read over gRPC: the first page and the last full
//! one, in turns and in another order each time, 300 calls of each. Both must hold the rows that SQL says they do. Then the
//! server logs what it is sent, and it is counted. The table is in microseconds, and each ratio is one of medians, to
//! the first page or to the first viewer. Some minutes, most of which the filling takes, and several GB in the temporary
//! directory. Let nothing else run meanwhile.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use kith_contracts::social_graph::v1::batch_get_relationships_result::Outcome;
use kith_contracts::social_graph::v1::*;
use kith_primitives::{Page, PageScope, Position, Violations};
use kith_testkit::{TestApp, TestUser, answer, cluster};
use rand::seq::SliceRandom;

const PAGE_SIZE: usize = 100;
/// More than this would be no noise.
const RATIO_MAX: f64 = 1.25;
/// Four parts of a relationship take longer than none, but nothing takes what walking over a million edges does.
const VIEWER_RATIO_MAX: f64 = 5.0;
const WARM_UP: usize = 20;
/// Of so many calls the statements are counted; the median leaves out what a service asks once a second.
const COUNTED: usize = 21;

/// Who has the edges. No invariant lets one user have all of them to the same others.
const OWNERS: [&str; 7] = [
    "popular", "twin", "asker", "asked", "blocker", "muter", "stranger",
];

struct List {
    rpc: &'static str,
    owner: &'static str,
    /// The table, with the condition but for the owner's id.
    rows: &'static str,
    /// What breaks ties, and what tells the rows of a page.
    key: &'static str,
}

const fn list(rpc: &'static str, owner: &'static str, rows: &'static str, key: &'static str) -> List {
    List {
        rpc,
        owner,
        rows,
        key,
    }
}

const LISTS: [List; 8] = [
    list(
        "ListFollowers",
        "popular",
        "follows WHERE followed_id =",
        "follower_id",
    ),
    list(
        "ListFollowing",
        "popular",
        "follows WHERE follower_id =",
        "followed_id",
    ),
    list(
        "ListFriends",
        "popular",
        "friendships WHERE user_id =",
        "friend_id",
    ),
    list(
        "ListMutualFriends",
        "popular",
        "friendships WHERE user_id =",
        "friend_id",
    ),
    list(
        "ListSentRequests",
        "asker",
        "friend_requests WHERE from_user_id =",
        "id",
    ),
    list(
        "ListReceivedRequests",
        "asked",
        "friend_requests WHERE to_user_id =",
        "id",
    ),
    list("ListBlocks", "blocker", "blocks WHERE blocker_id =", "blocked_id"),
    list("ListMutes", "muter", "mutes WHERE muter_id =", "muted_id"),
];

/// The owner's edges to everybody in the crowd, a second after each other. Every rule holds of what this writes, so that
/// nothing needs to look at each row.
fn fill(users: i64, id: impl Fn(&str) -> i64) -> Vec<String> {
    let (popular, twin) = (id("popular"), id("twin"));
    let insert = |table: &str, columns: &str, values: String| {
        format!("INSERT INTO social_graph.{table} ({columns}) SELECT {values} FROM crowd ORDER BY began")
    };
    let follows = |values| insert("follows", "follower_id, followed_id, created_at", values);
    let friends = |values| insert("friendships", "user_id, friend_id, created_at", values);
    let requests = |values| insert("friend_requests", "from_user_id, to_user_id, created_at", values);
    vec![
        "SET session_replication_role = replica".to_owned(),
        "SET work_mem = '256MB'".to_owned(),
        format!("INSERT INTO identity.users (username) SELECT 'crowd' || number FROM generate_series(1, {users}) AS number"),
        "INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING".to_owned(),
        "INSERT INTO identity.user_names SELECT username, id FROM identity.users ON CONFLICT DO NOTHING".to_owned(),
        "CREATE TEMP TABLE crowd AS SELECT id, now() - row_number() OVER (ORDER BY random()) * interval '1 second' AS began
            FROM identity.users WHERE username LIKE 'crowd%'"
            .to_owned(),
        follows(format!("id, {popular}, began")),
        follows(format!("{popular}, id, began")),
        friends(format!("id, {popular}, began")),
        friends(format!("{popular}, id, began")),
        friends(format!("id, {twin}, began")),
        friends(format!("{twin}, id, began")),
        requests(format!("{}, id, began", id("asker"))),
        requests(format!("id, {}, began", id("asked"))),
        insert("blocks", "blocker_id, blocked_id, created_at", format!("{}, id, began", id("blocker"))),
        insert("mutes", "muter_id, muted_id, created_at", format!("{}, id, began", id("muter"))),
        "INSERT INTO social_graph.follow_counts (user_id, followers, following)
            SELECT user_id, sum(followers), sum(following) FROM (
                SELECT followed_id, 1, 0 FROM social_graph.follows UNION ALL SELECT follower_id, 0, 1 FROM social_graph.follows
            ) AS ends (user_id, followers, following) GROUP BY user_id"
            .to_owned(),
        "INSERT INTO social_graph.friend_counts (user_id, friends)
            SELECT user_id, count(*) FROM social_graph.friendships GROUP BY user_id"
            .to_owned(),
        "VACUUM (ANALYZE)".to_owned(),
        "CHECKPOINT".to_owned(),
    ]
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

/// What a token holds, whatever the list is ordered by.
struct Bytes(Vec<u8>);

impl Position for Bytes {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.to_vec()))
    }
}

/// A page of a list, and what it must hold.
struct Probe {
    rpc: &'static str,
    owner: TestUser,
    other: i64,
    number: usize,
    token: String,
    keys: Vec<i64>,
    samples: Vec<Duration>,
    sent: Sent,
}

impl Probe {
    /// The page as SQL sees it, and the token that the page before it ends with.
    async fn new(
        conn: &mut AsyncPgConnection,
        list: &List,
        owner: TestUser,
        other: i64,
        number: usize,
    ) -> Self {
        let List { rpc, rows, key, .. } = *list;
        let by_key = rpc == "ListMutualFriends";
        let order = if by_key { "" } else { "created_at DESC," };
        let direction = if by_key { "" } else { "DESC" };
        let earlier = usize::from(number > 1);
        let places: Vec<Place> = sql_query(format!(
            "SELECT {key} AS key, (extract(epoch FROM created_at) * 1000000)::bigint AS micros
            FROM social_graph.{rows} {} ORDER BY {order} {key} {direction} LIMIT {} OFFSET {}",
            owner.id,
            PAGE_SIZE + earlier,
            PAGE_SIZE * (number - 1) - earlier,
        ))
        .load(conn)
        .await
        .expect("rows");
        let (last, places) = places.split_at(earlier);
        let token = last.first().map_or_else(String::new, |last| {
            let key = last.key.to_be_bytes();
            if by_key {
                token(PageScope::new(rpc, &[owner.id, other]), &key)
            } else {
                token(
                    PageScope::new(rpc, &[owner.id]),
                    &[last.micros.to_be_bytes(), key].concat(),
                )
            }
        });
        Self {
            rpc,
            owner,
            other,
            number,
            token,
            keys: places.iter().map(|place| place.key).collect(),
            samples: Vec::new(),
            sent: Sent::default(),
        }
    }

    /// Asks for the page once.
    async fn call(&self, app: &TestApp) -> Duration {
        /// One arm for each list.
        macro_rules! page {
            ($method:ident, $rows:ident, $key:ident, $request:ident { $($field:ident),* }) => {{
                let mut client = app.social_graph(&self.owner);
                let page_token = self.token.clone();
                let request = $request { $($field,)* page_size: 100, page_token };
                let began = Instant::now();
                let page = answer(client.$method(request).await);
                let took = began.elapsed();
                let keys: Vec<i64> = page.$rows.iter().map(|row| row.$key).collect();
                (took, keys, page.next_page_token)
            }};
        }
        let (user_id, other_user_id) = (self.owner.id, self.other);
        let (took, keys, next) = match self.rpc {
            "ListFollowers" => page!(
                list_followers,
                follows,
                follower_id,
                ListFollowersRequest { user_id }
            ),
            "ListFollowing" => page!(
                list_following,
                follows,
                followed_id,
                ListFollowingRequest { user_id }
            ),
            "ListFriends" => page!(
                list_friends,
                friendships,
                friend_id,
                ListFriendsRequest { user_id }
            ),
            "ListMutualFriends" => page!(
                list_mutual_friends,
                mutual_friends,
                user_id,
                ListMutualFriendsRequest {
                    user_id,
                    other_user_id
                }
            ),
            "ListSentRequests" => page!(
                list_sent_requests,
                friend_requests,
                id,
                ListSentRequestsRequest {}
            ),
            "ListReceivedRequests" => page!(
                list_received_requests,
                friend_requests,
                id,
                ListReceivedRequestsRequest {}
            ),
            "ListBlocks" => page!(list_blocks, blocks, blocked_id, ListBlocksRequest {}),
            "ListMutes" => page!(list_mutes, mutes, muted_id, ListMutesRequest {}),
            other => panic!("{other} is no list"),
        };
        assert_eq!(keys, self.keys, "{} page {}", self.rpc, self.number);
        assert!(
            !next.is_empty(),
            "{}: one row is left after page {}",
            self.rpc,
            self.number
        );
        took
    }
}

/// The service's own code makes the token.
fn token(scope: PageScope, position: &[u8]) -> String {
    let page: Option<Page<Bytes>> = Page::parse(scope, 1, "", &mut Violations::new());
    page.expect("a page")
        .finish(&mut vec![(), ()], |()| Bytes(position.to_vec()))
}

/// What is between a viewer and a hundred others.
struct Viewer {
    label: &'static str,
    user: TestUser,
    others: Vec<i64>,
    samples: Vec<Duration>,
    sent: Sent,
}

impl Viewer {
    async fn call(&self, app: &TestApp) -> Duration {
        let mut client = app.social_graph(&self.user);
        let request = BatchGetRelationshipsRequest {
            viewer_id: self.user.id,
            user_ids: self.others.clone(),
        };
        let began = Instant::now();
        let results = answer(client.batch_get_relationships(request).await).results;
        let took = began.elapsed();
        let is_good =
            |result: &BatchGetRelationshipsResult| matches!(result.outcome, Some(Outcome::Relationship(_)));
        assert!(
            results.len() == self.others.len() && results.iter().all(is_good),
            "{results:?}"
        );
        took
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| {
        arguments
            .next()
            .map_or(default, |text| text.parse().expect("a number"))
    };
    let (pages, calls): (usize, usize) = (number(10_000), number(300));
    assert!(pages > 1 && calls > 0, "two pages at least, and a call");

    let app = TestApp::start().await;
    let owners = app.users(&OWNERS).await;
    let mut superuser = app.database.superuser().await;
    // One row more, so that the last of these pages too has to find out that there is another.
    let users = i64::try_from(pages * PAGE_SIZE + 1).expect("small");
    let began = Instant::now();
    for sql in fill(users, |name| owner(&owners, name).id) {
        run(&mut superuser, &sql).await;
    }
    println!(
        "{users} rows in each list, filled in {:.0} s",
        began.elapsed().as_secs_f64()
    );

    let (mut probes, mut viewers) = subjects(&app, &mut superuser, &owners, pages).await;
    measure(&app, &mut probes, &mut viewers, calls).await;
    count_statements(&app, &mut superuser, &mut probes, &mut viewers).await;
    report(&probes, &viewers)
}

/// As somebody who signs in now: the filling may take longer than a token lasts.
async fn subjects(
    app: &TestApp,
    conn: &mut AsyncPgConnection,
    owners: &[TestUser],
    pages: usize,
) -> (Vec<Probe>, Vec<Viewer>) {
    let sign_in = |name| app.signed_in(owner(owners, name).id, name);
    let mut probes = Vec::new();
    for list in &LISTS {
        for number in [1, pages] {
            let (user, twin) = (sign_in(list.owner), sign_in("twin").id);
            probes.push(Probe::new(conn, list, user, twin, number).await);
        }
    }
    let some = "SELECT id AS key, 0::bigint AS micros FROM crowd ORDER BY random() LIMIT 100";
    let others: Vec<Place> = sql_query(some).load(conn).await.expect("users");
    let others: Vec<i64> = others.iter().map(|place| place.key).collect();
    // The last of the others may be whom everybody follows.
    let with = |last| [&others[1..], &[last]].concat();
    let viewer = |label, name, others| Viewer {
        label,
        user: sign_in(name),
        others,
        samples: Vec::new(),
        sent: Sent::default(),
    };
    let popular = owner(owners, "popular").id;
    let viewers = vec![
        viewer("nothing to anybody", "stranger", others.clone()),
        viewer("sees the popular", "stranger", with(popular)),
        viewer("follows, is friend", "popular", others.clone()),
        viewer("asks", "asker", others.clone()),
        viewer("is asked", "asked", others.clone()),
        viewer("blocks", "blocker", others.clone()),
        viewer("mutes", "muter", others.clone()),
    ];
    (probes, viewers)
}

async fn measure(app: &TestApp, probes: &mut [Probe], viewers: &mut [Viewer], calls: usize) {
    let mut order: Vec<usize> = (0..probes.len() + viewers.len()).collect();
    for round in 0..calls + WARM_UP {
        order.shuffle(&mut rand::rng());
        for place in &order {
            let (took, samples) = match place.checked_sub(probes.len()) {
                None => (probes[*place].call(app).await, &mut probes[*place].samples),
                Some(place) => (viewers[place].call(app).await, &mut viewers[place].samples),
            };
            if round >= WARM_UP {
                samples.push(took);
            }
        }
    }
}

/// Counts what each call sends, as the server sees it: it logs each statement before it runs it, with who sent it.
async fn count_statements(
    app: &TestApp,
    superuser: &mut AsyncPgConnection,
    probes: &mut [Probe],
    viewers: &mut [Viewer],
) {
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
        viewers[0].call(app).await;
    }
    for probe in probes {
        probe.sent = counted(async || probe.call(app).await).await;
    }
    for viewer in viewers {
        viewer.sent = counted(async || viewer.call(app).await).await;
    }
}

async fn counted(call: impl AsyncFn() -> Duration) -> Sent {
    let (mut statements, mut prepared) = (Vec::new(), Vec::new());
    for _ in 0..COUNTED {
        let before = logged();
        call().await;
        let after = logged();
        statements.push(after.statements - before.statements);
        prepared.push(after.prepared - before.prepared);
    }
    Sent {
        statements: median(&mut statements),
        prepared: median(&mut prepared),
    }
}

/// What social-graph sent: each statement is a round trip, and so is the preparation of one.
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
        let line = line.strip_prefix("kith_social_graph LOG:  ").unwrap_or_default();
        sent.statements += usize::from(line.starts_with("statement:") || line.starts_with("execute "));
        sent.prepared += usize::from(line.starts_with("duration:") && line.contains(" ms  parse "));
    }
    sent
}

fn report(probes: &[Probe], viewers: &[Viewer]) -> ExitCode {
    let mut good = true;
    println!(
        "\n{:20} {:>8} {:>6} {:>8} {:>6} {:>6} {:>11} {:>9}",
        "list", "page", "min", "median", "p95", "ratio", "statements", "prepared"
    );
    for pages in probes.chunks_exact(2) {
        let first = Summary::of(&pages[0].samples).median;
        for page in pages {
            let ratio = row(
                page.rpc,
                &page.number.to_string(),
                &page.samples,
                first,
                page.sent,
            );
            good &= ratio <= RATIO_MAX && page.sent.statements == 1;
        }
    }
    println!("\nBatchGetRelationships of {PAGE_SIZE} users");
    let first = Summary::of(&viewers[0].samples).median;
    for viewer in viewers {
        let ratio = row(viewer.label, "", &viewer.samples, first, viewer.sent);
        good &= ratio <= VIEWER_RATIO_MAX && viewer.sent.statements == 1;
    }
    println!(
        "\na late page at most {RATIO_MAX} times as long, a viewer {VIEWER_RATIO_MAX} times, one statement each: {}",
        if good { "yes" } else { "no" }
    );
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn row(name: &str, page: &str, samples: &[Duration], first: Duration, sent: Sent) -> f64 {
    let summary = Summary::of(samples);
    let ratio = summary.median.as_secs_f64() / first.as_secs_f64();
    println!(
        "{name:20} {page:>8} {:>6} {:>8} {:>6} {ratio:>6.2} {:>11} {:>9}",
        summary.min.as_micros(),
        summary.median.as_micros(),
        summary.p95.as_micros(),
        sent.statements,
        sent.prepared,
    );
    ratio
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

fn owner<'a>(owners: &'a [TestUser], name: &str) -> &'a TestUser {
    owners
        .iter()
        .find(|owner| owner.username == name)
        .expect("an owner")
}

async fn run(conn: &mut AsyncPgConnection, sql: &str) {
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
