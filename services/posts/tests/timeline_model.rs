//! Home timelines of networks made at random, against what the contract says of them in plain Rust.

use std::collections::BTreeSet;
use std::fmt::Write;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use kith_contracts::posts::v1::TimelineItem;
use kith_testkit::{TestApp, TestUser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::list_home_timeline::{id, pages};
use crate::support::{execute, instant};

/// 2026-01-01T00:00:00Z in seconds since the Unix epoch.
const BASE: i64 = 1_767_225_600;
/// So few that many things happen at the same time.
const SECONDS: i64 = 40;
const PEOPLE: usize = 14;
const POSTS: usize = 120;
const SHARES: usize = 150;
/// Whom nobody follows, and who share the first posts: more than ten times as many as most viewers follow.
const FANS: usize = 90;
const LOVED: usize = 12;

struct Post {
    id: i64,
    author_id: i64,
    is_reply: bool,
    second: i64,
}

struct Share {
    post_id: i64,
    user_id: i64,
    second: i64,
}

struct Network {
    viewer: TestUser,
    followed: BTreeSet<i64>,
    blocked: BTreeSet<i64>,
    muted: BTreeSet<i64>,
    posts: Vec<Post>,
    shares: Vec<Share>,
}

/// An item: the post, the second of its position, who shared it.
type Item = (i64, i64, Vec<i64>);

impl Network {
    /// The whole timeline.
    fn timeline(&self) -> Vec<Item> {
        let mut items: Vec<Item> = self
            .posts
            .iter()
            .filter(|post| self.is_heard(post.author_id))
            .filter_map(|post| self.item(post))
            .collect();
        items.sort_by_key(|(id, second, _)| std::cmp::Reverse((*second, *id)));
        items
    }

    fn is_heard(&self, user_id: i64) -> bool {
        !self.blocked.contains(&user_id) && !self.muted.contains(&user_id)
    }

    fn item(&self, post: &Post) -> Option<Item> {
        let is_sharer = |share: &&Share| {
            share.post_id == post.id && self.followed.contains(&share.user_id) && self.is_heard(share.user_id)
        };
        let mut shares: Vec<_> = self.shares.iter().filter(is_sharer).collect();
        shares.sort_by_key(|share| (share.second, share.user_id));
        let is_own = post.author_id == self.viewer.id || self.followed.contains(&post.author_id);
        let second = match (is_own, shares.as_slice().first()) {
            (true, None) if post.is_reply => return None,
            (true, _) => post.second,
            (false, first) => first?.second,
        };
        let sharers = shares.iter().map(|share| share.user_id).take(10).collect();
        Some((post.id, second, sharers))
    }

    fn sql(&self) -> String {
        let mut sql = String::new();
        let mut add = |table: &str, values: Vec<String>| {
            if !values.is_empty() {
                write!(sql, "INSERT INTO {table} VALUES {};", values.join(",")).expect("a text");
            }
        };
        let pairs = |of: &BTreeSet<i64>| {
            of.iter()
                .map(|id| format!("({}, {id})", self.viewer.id))
                .collect()
        };
        let time = |second| format!("to_timestamp({})", BASE + second);
        add(
            "social_graph.blocks (blocker_id, blocked_id)",
            pairs(&self.blocked),
        );
        add("social_graph.mutes (muter_id, muted_id)", pairs(&self.muted));
        add(
            "social_graph.follows (follower_id, followed_id)",
            pairs(&self.followed),
        );
        let root = self.posts[0].id;
        let post = |post: &Post| {
            let parent = if post.is_reply {
                root.to_string()
            } else {
                "NULL".to_owned()
            };
            format!(
                "({}, {}, 'post', {parent}, {})",
                post.id,
                post.author_id,
                time(post.second)
            )
        };
        add(
            "posts.posts (id, author_id, content, parent_id, created_at) OVERRIDING SYSTEM VALUE",
            self.posts.iter().map(post).collect(),
        );
        let share = |share: &Share| format!("({}, {}, {})", share.post_id, share.user_id, time(share.second));
        add(
            "posts.shares (post_id, user_id, created_at)",
            self.shares.iter().map(share).collect(),
        );
        sql
    }
}

fn item(item: &TimelineItem) -> Item {
    let (second, _) = instant(item.position_time);
    (id(item), second - BASE, item.sharer_ids.clone())
}

/// A network in which the viewer is one of the people, too.
fn network(random: &mut StdRng, viewer: TestUser, people: &[i64], first_post_id: i64) -> Network {
    let everybody = [people, &[viewer.id]].concat();
    let mut some = |of: usize, from: &[i64]| -> BTreeSet<i64> {
        (0..of)
            .map(|_| from[random.random_range(0..from.len())])
            .collect()
    };
    let blocked = some(2, people);
    let muted = some(2, people);
    let followed = some(8, people).difference(&blocked).copied().collect();
    let posts = (0..POSTS).map(|number| Post {
        id: first_post_id + i64::try_from(number).expect("small"),
        author_id: everybody[random.random_range(0..everybody.len())],
        is_reply: number > 0 && random.random_range(0..3) == 0,
        second: random.random_range(0..SECONDS),
    });
    let posts: Vec<Post> = posts.collect();
    let mut pairs = BTreeSet::new();
    while pairs.len() < SHARES {
        // Some posts are shared by nearly all.
        let number = random
            .random_range(0..posts.len())
            .min(random.random_range(0..posts.len()));
        pairs.insert((number, everybody[random.random_range(0..everybody.len())]));
    }
    let shares = pairs.into_iter().map(|(number, user_id)| Share {
        post_id: posts[number].id,
        user_id,
        second: posts[number].second + random.random_range(0..SECONDS),
    });
    Network {
        shares: shares.collect(),
        viewer,
        followed,
        blocked,
        muted,
        posts,
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// New users, past identity.
async fn crowd(app: &TestApp, name: &str, number: usize) -> Vec<i64> {
    let sql = format!(
        "INSERT INTO identity.users (username) SELECT '{name}' || number FROM generate_series(1, {number}) AS number
        RETURNING id"
    );
    let rows: Vec<Id> = sql_query(sql)
        .load(&mut app.database.owner().await)
        .await
        .expect("users");
    rows.into_iter().map(|row| row.id).collect()
}

/// Some networks after each other in one database; of each, pages of several sizes. `quiet` are more whom every viewer
/// follows.
async fn check(app: &TestApp, quiet: &[i64]) {
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let fans = crowd(app, "fan", FANS).await;
    for round in 0..5 {
        let people = crowd(app, &format!("round{round}person"), PEOPLE).await;
        let viewer = app.user(&format!("viewer{round}")).await;
        let first_post_id = 1_000_000 * (round + 1);
        let mut network = network(&mut random, viewer, &people, first_post_id);
        network.followed.extend(quiet);
        for (post, fan) in network.posts[..LOVED]
            .iter()
            .flat_map(|post| fans.iter().map(move |fan| (post, fan)))
        {
            network.shares.push(Share {
                post_id: post.id,
                user_id: *fan,
                second: post.second + random.random_range(0..SECONDS),
            });
        }
        execute(app, &network.sql()).await;
        let expected = network.timeline();
        assert!(!expected.is_empty(), "seed {seed}");
        for size in [3, 20, 100] {
            let pages = pages(app, &network.viewer, size).await;
            let items: Vec<Item> = pages.iter().flatten().map(item).collect();
            assert_eq!(items, expected, "seed {seed}, round {round}, pages of {size}");
        }
    }
}

// Controls, for all of these: the statement without the condition that nobody else shared it earlier; with `<=` in the place
// of `<` before a page's start; without those who are muted among `left_out`.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_somebody_who_follows_few_is_what_the_contract_says() {
    check(&TestApp::start().await, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_somebody_who_follows_many_is_what_the_contract_says() {
    let app = TestApp::start().await;
    let quiet = crowd(&app, "quiet", 201).await;
    check(&app, &quiet).await;
}

/// The newest 2,000 posts and shares are all by others.
// Control: a statement that takes what is among the newest for all there is.
#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_of_somebody_who_follows_many_in_a_loud_network_is_what_the_contract_says() {
    let app = TestApp::start().await;
    let quiet = crowd(&app, "quiet", 201).await;
    let [loud] = crowd(&app, "loud", 1).await[..] else {
        panic!("one")
    };
    let noise = format!(
        "INSERT INTO posts.posts (author_id, content) SELECT {loud}, 'noise' FROM generate_series(1, 2100);
        INSERT INTO posts.shares (post_id, user_id) SELECT id, {loud} FROM posts.posts"
    );
    execute(&app, &noise).await;
    check(&app, &quiet).await;
}
