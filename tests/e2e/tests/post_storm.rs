//! Callers who like, unlike, share, unshare, reply and delete at random, at the same moment, half of the time on one hot
//! post. Every counter must be right at every moment, and nobody may see a deadlock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::DeleteUserRequest;
use kith_contracts::posts::v1::*;
use kith_postgres::{Connection, PoolSettings};
use kith_testkit::{AppOptions, Refusal, TestApp, TestUser, execute};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::rows::unique;
use crate::size;

const CALLERS: usize = 64;
const PEOPLE: usize = 1000;
const POSTS: usize = 100;
/// Of the people, those from here on are deleted where some are: some who wrote posts, and more who did not.
const FIRST_DELETED: usize = 90;
/// How many are.
const DELETED: usize = 40;

/// How often each outcome was seen, by what was done and what came of it.
type Outcomes = BTreeMap<String, usize>;

/// What a caller in a storm may be told. All of it is true of somebody or something at some moment.
const EXPECTED: [&str; 6] = [
    "OK",
    "AlreadyExists LIKE_EXISTS",
    "AlreadyExists SHARE_EXISTS",
    "NotFound LIKE_NOT_FOUND",
    "NotFound SHARE_NOT_FOUND",
    "NotFound POST_NOT_FOUND",
];

/// A reply that its author may delete.
struct Reply {
    id: i64,
    author: usize,
}

/// What a storm is made of.
struct Storm {
    app: TestApp,
    people: Vec<TestUser>,
    /// The posts; each person of the same place wrote the one, and the first is the hot one. A post that is deleted makes
    /// place for a new one.
    posts: Vec<AtomicI64>,
    replies: Mutex<Vec<Reply>>,
}

impl Storm {
    async fn of(people: usize, posts: usize) -> Self {
        let options = AppOptions {
            pool: PoolSettings {
                size: 24,
                checkout_timeout: Duration::from_secs(60),
                ..AppOptions::default().pool
            },
            ..AppOptions::default()
        };
        let app = TestApp::start_with(options).await;
        let names: Vec<String> = (0..people).map(|_| unique("storm")).collect();
        let mut users = Vec::new();
        for names in names.chunks(100) {
            users.extend(
                app.users(&names.iter().map(String::as_str).collect::<Vec<_>>())
                    .await,
            );
        }
        let storm = Self {
            app,
            people: users,
            posts: (0..posts).map(|_| AtomicI64::new(0)).collect(),
            replies: Mutex::default(),
        };
        for place in 0..posts {
            assert_eq!(storm.post_anew(place).await, "OK");
        }
        storm
    }

    /// Each caller does so many things, others in every round; meanwhile `deleted` of the people go, one after another.
    async fn rage(self: &Arc<Self>, round: u64, steps: usize, deleted: usize) -> Outcomes {
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let storm = Arc::clone(self);
            tasks.spawn(async move { storm.act(round, caller, steps, deleted).await });
        }
        let mut total = Outcomes::new();
        for (outcome, count) in tasks.join_all().await.into_iter().flatten() {
            *total.entry(outcome).or_default() += count;
        }
        total
    }

    async fn act(&self, round: u64, caller: usize, steps: usize, deleted: usize) -> Outcomes {
        let seed = round * 1000 + u64::try_from(caller).expect("small");
        let mut random = StdRng::seed_from_u64(seed);
        let mut outcomes = Outcomes::new();
        for step in 0..steps {
            let (deed, outcome) = self.do_something(&mut random).await;
            *outcomes.entry(format!("{deed}: {outcome}")).or_default() += 1;
            if caller < deleted && step == (caller + 1) * steps / (deleted + 1) {
                let outcome = self.delete_person(FIRST_DELETED + caller).await;
                *outcomes.entry(format!("delete a user: {outcome}")).or_default() += 1;
            }
        }
        outcomes
    }

    async fn do_something(&self, random: &mut StdRng) -> (&'static str, String) {
        let person = random.random_range(0..self.people.len());
        let post_id = self.target(random);
        match random.random_range(0..100) {
            0..33 => ("like", self.like(person, post_id).await),
            33..60 => ("unlike", self.unlike(person, post_id).await),
            60..72 => ("share", self.share(person, post_id).await),
            72..82 => ("unshare", self.unshare(person, post_id).await),
            82..92 => ("reply", self.reply(person, post_id).await),
            _ => self.delete(random).await,
        }
    }

    /// The hot post, so often that half of all is done to it; else another, or sometimes a reply.
    fn target(&self, random: &mut StdRng) -> i64 {
        let place = if random.random_bool(0.55) {
            0
        } else {
            random.random_range(1..self.posts.len())
        };
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        if place > 0 && random.random_bool(0.2) && !replies.is_empty() {
            return replies[random.random_range(0..replies.len())].id;
        }
        self.posts[place].load(Ordering::Relaxed)
    }

    /// With a new token: a storm may outlast it.
    fn signed_in(&self, person: usize) -> TestUser {
        let person = &self.people[person];
        self.app.signed_in(person.id, &person.username)
    }

    async fn like(&self, person: usize, post_id: i64) -> String {
        let request = LikePostRequest {
            post_id,
            allow_existing: false,
        };
        told(self.app.posts(&self.signed_in(person)).like_post(request).await)
    }

    async fn unlike(&self, person: usize, post_id: i64) -> String {
        let request = UnlikePostRequest {
            post_id,
            allow_missing: false,
        };
        told(self.app.posts(&self.signed_in(person)).unlike_post(request).await)
    }

    async fn share(&self, person: usize, post_id: i64) -> String {
        let request = SharePostRequest {
            post_id,
            allow_existing: false,
        };
        told(self.app.posts(&self.signed_in(person)).share_post(request).await)
    }

    async fn unshare(&self, person: usize, post_id: i64) -> String {
        let request = UnsharePostRequest {
            post_id,
            allow_missing: false,
        };
        told(
            self.app
                .posts(&self.signed_in(person))
                .unshare_post(request)
                .await,
        )
    }

    async fn create(&self, author: usize, parent_id: i64) -> Result<i64, String> {
        let request = CreatePostRequest {
            content: "what a storm".to_owned(),
            parent_id,
            ..Default::default()
        };
        let created = self.app.posts(&self.signed_in(author)).create_post(request).await;
        let created = created.map_err(|status| reason(&status))?.into_inner();
        Ok(created.post.expect("a post").id)
    }

    async fn reply(&self, author: usize, post_id: i64) -> String {
        match self.create(author, post_id).await {
            Ok(id) => {
                let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
                replies.push(Reply { id, author });
                "OK".to_owned()
            }
            Err(reason) => reason,
        }
    }

    async fn post_anew(&self, place: usize) -> String {
        match self.create(place, 0).await {
            Ok(id) => {
                self.posts[place].store(id, Ordering::Relaxed);
                "OK".to_owned()
            }
            Err(reason) => reason,
        }
    }

    /// Mostly a reply; else a post with all beneath it, which then makes place for a new one. Never the hot one.
    async fn delete(&self, random: &mut StdRng) -> (&'static str, String) {
        let reply = {
            let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
            let any = !replies.is_empty() && random.random_bool(0.8);
            any.then(|| {
                let place = random.random_range(0..replies.len());
                replies.swap_remove(place)
            })
        };
        if let Some(reply) = reply {
            return ("delete a reply", self.delete_post(reply.author, reply.id).await);
        }
        let place = random.random_range(1..self.posts.len());
        let deleted = self
            .delete_post(place, self.posts[place].load(Ordering::Relaxed))
            .await;
        let anew = self.post_anew(place).await;
        let outcome = if is_expected(&deleted) { anew } else { deleted };
        ("delete a post", outcome)
    }

    async fn delete_post(&self, author: usize, post_id: i64) -> String {
        let request = DeletePostRequest {
            post_id,
            allow_missing: false,
        };
        told(self.app.posts(&self.signed_in(author)).delete_post(request).await)
    }

    async fn delete_person(&self, person: usize) -> String {
        let operator = self.app.operator(&["identity.users.delete"]);
        let request = DeleteUserRequest {
            user_id: self.people[person].id,
            allow_missing: false,
        };
        told(self.app.identity(&operator).delete_user(request).await)
    }

    /// Looks at the counters again and again until it is over; how often it did. Whoever changes rows commits the counter
    /// with them, so that no look finds any wrong.
    async fn watch(&self, mut over: watch::Receiver<bool>) -> usize {
        let mut owner = self.app.database.owner().await;
        for looks in 1.. {
            assert_eq!(lowest_counter(&mut owner).await, 0);
            let request = VerifyCountersRequest {
                page_size: 100,
                ..Default::default()
            };
            let operator = self.app.operator(&["posts.counters.repair"]);
            let answer = self.app.posts(&operator).verify_counters(request).await;
            assert_eq!(answer.expect("an answer").into_inner().drifts, []);
            // Not all the time, which the callers need.
            let ending = over.wait_for(|over| *over);
            if tokio::time::timeout(Duration::from_millis(200), ending)
                .await
                .is_ok()
            {
                return looks;
            }
        }
        0
    }

    /// The invariants that are broken.
    async fn broken(&self) -> Vec<&'static str> {
        let mut owner = self.app.database.owner().await;
        let broken = kith_schema::invariants::check(&mut owner).await;
        let broken = broken.expect("the queries run").into_iter();
        broken.map(|broken| broken.invariant).collect()
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn number(conn: &mut Connection, sql: &str) -> i64 {
    // Elsewhere its `load` would hide that of atomics.
    let found = diesel_async::RunQueryDsl::get_result::<Number>(diesel::sql_query(sql), conn).await;
    found.expect(sql).number
}

/// 0 when none is below, since the newest posts have nothing beneath them.
async fn lowest_counter(conn: &mut Connection) -> i64 {
    let sql =
        "SELECT least(0, min(least(likes_count, comment_count, shares_count))) AS number FROM posts.posts";
    number(conn, sql).await
}

fn told<T>(answer: Result<Response<T>, Status>) -> String {
    answer.map_or_else(|status| reason(&status), |_| "OK".to_owned())
}

fn reason(status: &Status) -> String {
    let refusal = Refusal::of(status);
    format!("{:?} {}", refusal.code, refusal.reason)
}

fn is_expected(outcome: &str) -> bool {
    EXPECTED.contains(&outcome)
}

/// Besides what is always expected, what else is. Without a reason it is not a service's answer: the machine was too busy to
/// keep a connection alive.
fn assert_expected(outcomes: &Outcomes, also: &[&str]) {
    let unexpected = outcomes.keys().filter(|outcome| {
        let (_, outcome) = outcome.split_once(": ").expect("what was done");
        !is_expected(outcome) && outcome != "Unavailable " && !also.contains(&outcome)
    });
    assert_eq!(unexpected.count(), 0, "{outcomes:#?}");
}

/// So many things are done by each caller that there are 1,000,000 in all; in the suite a hundredth of it.
fn steps() -> usize {
    size::of(157, 1_000_000 / CALLERS)
}

/// A storm that is watched, and in which `deleted` of the people go.
async fn watched(storm: &Arc<Storm>, deleted: usize) -> Outcomes {
    let (began, (end, over)) = (Instant::now(), watch::channel(false));
    let watcher = Arc::clone(storm);
    let watching = tokio::spawn(async move { watcher.watch(over).await });
    let outcomes = storm.rage(0, steps(), deleted).await;
    let took = began.elapsed();
    end.send_replace(true);
    let looks = watching.await.expect("no counter was wrong");
    println!("{outcomes:#?}, in {took:?}, looked at {looks} times");
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_counter_is_right_at_every_moment_and_nobody_deadlocks() {
    let storm = Arc::new(Storm::of(PEOPLE, POSTS).await);
    let outcomes = watched(&storm, 0).await;
    assert_expected(&outcomes, &[]);
    assert_eq!(storm.broken().await, [""; 0]);
    let mut storm = Arc::into_inner(storm).expect("the callers are gone");
    storm.app.shut_down().await;
    assert_eq!(storm.app.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_may_be_deleted_meanwhile() {
    let storm = Arc::new(Storm::of(PEOPLE, POSTS).await);
    let outcomes = watched(&storm, DELETED).await;
    assert_expected(&outcomes, &["NotFound USER_NOT_FOUND"]);
    assert_eq!(outcomes["delete a user: OK"], DELETED);
    assert_eq!(storm.broken().await, [""; 0]);
    let mut storm = Arc::into_inner(storm).expect("the callers are gone");
    storm.app.shut_down().await;
    let deadlocks = storm.app.database.deadlocks().await;
    println!("{deadlocks} deadlocks that no caller saw");
}

const NO_LOCK: &str = "
    CREATE OR REPLACE FUNCTION posts.post_lock(wanted_id bigint) RETURNS bigint
        LANGUAGE sql RETURN (SELECT author_id FROM posts.posts WHERE id = wanted_id)";

/// Lets whoever ends a like or share take a while before it is counted, so that deletions of posts meet it.
const SLOW_COUNTS: &str = "
    CREATE FUNCTION posts.dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END $$;
    CREATE TRIGGER a_dawdle AFTER DELETE ON posts.likes FOR EACH STATEMENT EXECUTE FUNCTION posts.dawdle();
    CREATE TRIGGER a_dawdle AFTER DELETE ON posts.shares FOR EACH STATEMENT EXECUTE FUNCTION posts.dawdle()";

/// Few people on few posts, so that most of what they end is there, and posts are deleted often.
async fn slow_storm() -> Arc<Storm> {
    let storm = Storm::of(5, 3).await;
    execute(&storm.app, SLOW_COUNTS).await;
    Arc::new(storm)
}

/// Control: the next test.
#[tokio::test(flavor = "multi_thread")]
async fn deletions_wait_for_what_is_slow_to_be_counted() {
    let storm = Box::pin(slow_storm()).await;
    let outcomes = storm.rage(0, 40, 0).await;
    assert_expected(&outcomes, &[]);
    assert_eq!(storm.broken().await, [""; 0]);
    let mut storm = Arc::into_inner(storm).expect("the callers are gone");
    storm.app.shut_down().await;
    assert_eq!(storm.app.database.deadlocks().await, 0);
}

/// What breaks by chance gets as many rounds as it takes, and at most this long.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn without_the_posts_lock_the_same_slow_storm_deadlocks() {
    let storm = Box::pin(slow_storm()).await;
    execute(&storm.app, NO_LOCK).await;
    let (mut superuser, began) = (storm.app.database.superuser().await, Instant::now());
    for round in 0.. {
        storm.rage(round, 10, 0).await;
        // A session reports what it saw some time after it did.
        let sql = "SELECT deadlocks AS number FROM pg_stat_database WHERE datname = current_database()";
        if number(&mut superuser, sql).await > 0 {
            println!("in round {round}, after {:?}", began.elapsed());
            return;
        }
        assert!(began.elapsed() < PATIENCE, "no deadlock in {round} rounds");
    }
}

/// Likes counted by whoever likes: reads the counter, and writes it back one higher.
async fn like_and_count(storm: Arc<Storm>, mut conn: Connection, people: std::ops::Range<usize>) {
    let post_id = storm.posts[0].load(Ordering::Relaxed);
    for person in people {
        assert_eq!(storm.like(person, post_id).await, "OK");
        let sql = format!("SELECT likes_count AS number FROM posts.posts WHERE id = {post_id}");
        let counted = number(&mut conn, &sql).await + 1;
        let sql = format!("UPDATE posts.posts SET likes_count = {counted} WHERE id = {post_id}");
        conn.batch_execute(&sql).await.expect(&sql);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_callers_read_and_write_back_are_found_wrong() {
    let storm = Arc::new(Storm::of(200, 1).await);
    execute(&storm.app, "ALTER TABLE posts.likes DISABLE TRIGGER USER").await;
    let began = Instant::now();
    loop {
        let mut callers = JoinSet::new();
        for first in (0..200).step_by(25) {
            let conn = storm.app.database.owner().await;
            callers.spawn(like_and_count(Arc::clone(&storm), conn, first..first + 25));
        }
        callers.join_all().await;
        if !storm.broken().await.is_empty() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "no update was ever lost");
        execute(
            &storm.app,
            "DELETE FROM posts.likes; UPDATE posts.posts SET likes_count = 0",
        )
        .await;
    }
    assert_eq!(storm.broken().await, ["post_counts_equal_the_rows"]);
}
