//! Callers who do everything to each other at random, at the same moment: follows, requests, answers, blocks, mutes, and
//! beside them importers. No edge may be beside a block, no request beside a friendship, no friendship may be half, and
//! every counter must be right.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::DeleteUserRequest;
use kith_contracts::social_graph::v1::{
    batch_befriend_result as befriended, batch_follow_result as followed, *,
};
use kith_postgres::{Connection, PoolSettings};
use kith_testkit::{AppOptions, Refusal, TestApp, TestUser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{Barrier, Mutex};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::rows::unique;
use crate::size;

const CALLERS: usize = 64;
/// They are 1,035 pairs.
const PEOPLE: usize = 46;
/// They are 276 pairs, whom what breaks by chance meets sooner.
const FEW: usize = 24;
/// Of the people, how many are deleted meanwhile where some are.
const DELETED: usize = 16;
/// Every so many steps, callers meet by twos and ask each other for friendship.
const CROSSING: usize = 8;
/// How many pairs an importer sends: enough to lock them in a bad order, too few to make friends of everybody.
const BATCH: usize = 4;

/// How often each outcome was seen, by code and reason.
type Outcomes = BTreeMap<String, usize>;

/// What no caller in a storm may be told. All else is true of somebody at some moment.
const NEVER: [&str; 7] = [
    "Internal",
    "Unknown",
    "Unavailable",
    "DeadlineExceeded",
    "ResourceExhausted",
    "InvalidArgument",
    "Unauthenticated",
];

/// What a storm is made of.
struct Storm {
    app: TestApp,
    people: Vec<TestUser>,
    /// Blocks through these, by one statement, in the place of BlockUser.
    one_statement: Option<Mutex<Connection>>,
}

impl Storm {
    async fn of(people: usize) -> Self {
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
        let people = app
            .users(&names.iter().map(String::as_str).collect::<Vec<_>>())
            .await;
        Self {
            app,
            people,
            one_statement: None,
        }
    }

    async fn execute(&self, sql: &str) {
        let mut owner = self.app.database.owner().await;
        owner.batch_execute(sql).await.expect(sql);
    }

    /// Each caller does so many things, others in every round; meanwhile `deleted` of the people go, one after another, until the end.
    async fn rage(self: &Arc<Self>, round: u64, steps: usize, deleted: usize) -> Outcomes {
        let meetings: Vec<Arc<Barrier>> = (0..CALLERS / 2).map(|_| Arc::new(Barrier::new(2))).collect();
        let mut tasks = JoinSet::new();
        for caller in 0..CALLERS {
            let (storm, meeting) = (Arc::clone(self), Arc::clone(&meetings[caller / 2]));
            tasks.spawn(async move { storm.act(round, caller, steps, deleted, &meeting).await });
        }
        let mut total = Outcomes::new();
        for (outcome, count) in tasks.join_all().await.into_iter().flatten() {
            *total.entry(outcome).or_default() += count;
        }
        total
    }

    /// Whether that comes of it, sooner or later: what breaks by chance gets many short rounds, as many on a busy machine as
    /// on any other. Without the blocks of the round before, which would keep everybody from beginning anything.
    async fn leaves_edges_beside_blocks(self: &Arc<Self>) -> bool {
        for round in 1..=100 {
            self.execute("DELETE FROM social_graph.blocks").await;
            self.rage(round, 12, 0).await;
            if self.broken().await.contains(&"nothing_beside_a_block") {
                println!("in round {round}");
                return true;
            }
        }
        false
    }

    async fn act(
        &self,
        round: u64,
        caller: usize,
        steps: usize,
        deleted: usize,
        meeting: &Barrier,
    ) -> Outcomes {
        let seed = 2000 * round + u64::try_from(caller).expect("small");
        let mut random = StdRng::seed_from_u64(seed);
        // Both who meet choose the same two people.
        let mut shared = StdRng::seed_from_u64(1000 + seed / 2);
        let mut outcomes = Outcomes::new();
        for step in 0..steps {
            let outcome = if step % CROSSING == 0 {
                let (one, other) = self.two(&mut shared);
                let (from, to) = if caller.is_multiple_of(2) {
                    (one, other)
                } else {
                    (other, one)
                };
                meeting.wait().await;
                self.ask(&from, &to, false).await
            } else {
                let (actor, other) = self.two(&mut random);
                self.do_something(&actor, &other, &mut random).await
            };
            *outcomes.entry(outcome).or_default() += 1;
            if caller < deleted && step == (caller + 1) * steps / (deleted + 1) {
                *outcomes.entry(self.delete(caller).await).or_default() += 1;
            }
        }
        outcomes
    }

    /// With new tokens: a storm may outlast them.
    fn two(&self, random: &mut StdRng) -> (TestUser, TestUser) {
        let (one, other) = places(random, self.people.len());
        let [one, other] = [one, other].map(|place| {
            let person = &self.people[place];
            self.app.signed_in(person.id, &person.username)
        });
        (one, other)
    }

    async fn do_something(&self, actor: &TestUser, other: &TestUser, random: &mut StdRng) -> String {
        let mut graph = self.app.social_graph(actor);
        let user_id = other.id;
        let flag = random.random_bool(0.5);
        match random.random_range(0..23) {
            0..=4 => told(
                graph
                    .follow(FollowRequest {
                        user_id,
                        allow_existing: flag,
                    })
                    .await,
            ),
            5 => told(
                graph
                    .unfollow(UnfollowRequest {
                        user_id,
                        allow_missing: flag,
                    })
                    .await,
            ),
            6 => told(
                graph
                    .remove_follower(RemoveFollowerRequest {
                        user_id,
                        allow_missing: flag,
                    })
                    .await,
            ),
            7..=9 => self.ask(actor, other, flag).await,
            10..=13 => self.answer(actor, other, random).await,
            14 => told(
                graph
                    .unfriend(UnfriendRequest {
                        user_id,
                        allow_missing: flag,
                    })
                    .await,
            ),
            15 | 16 => self.block(actor, other).await,
            17..=19 => told(
                graph
                    .unblock_user(UnblockUserRequest {
                        user_id,
                        allow_missing: flag,
                    })
                    .await,
            ),
            20 => told(
                graph
                    .mute_user(MuteUserRequest {
                        user_id,
                        ttl: None,
                        allow_existing: flag,
                    })
                    .await,
            ),
            21 => told(
                graph
                    .unmute_user(UnmuteUserRequest {
                        user_id,
                        allow_missing: flag,
                    })
                    .await,
            ),
            _ if flag => self.follow_many(random).await,
            _ => self.befriend_many(random).await,
        }
    }

    async fn follow_many(&self, random: &mut StdRng) -> String {
        let pairs = (0..BATCH).map(|_| {
            let (one, other) = places(random, self.people.len());
            FollowPair {
                follower_id: self.people[one].id,
                followed_id: self.people[other].id,
            }
        });
        let request = BatchFollowRequest {
            pairs: pairs.collect(),
            allow_existing: true,
        };
        let importer = self.app.operator(&["social_graph.follows.import"]);
        match self.app.social_graph(&importer).batch_follow(request).await {
            Ok(answer) => {
                let results = answer.into_inner().results.into_iter();
                worst(results.filter_map(|result| match result.outcome {
                    Some(followed::Outcome::Error(status)) => Some(Refusal::of_item(&status)),
                    _ => None,
                }))
            }
            Err(status) => reason(&status),
        }
    }

    async fn befriend_many(&self, random: &mut StdRng) -> String {
        let pairs = (0..BATCH).map(|_| {
            let (one, other) = places(random, self.people.len());
            FriendPair {
                user_id: self.people[one].id,
                friend_id: self.people[other].id,
            }
        });
        let request = BatchBefriendRequest {
            pairs: pairs.collect(),
            allow_existing: true,
        };
        let importer = self.app.operator(&["social_graph.friendships.import"]);
        match self.app.social_graph(&importer).batch_befriend(request).await {
            Ok(answer) => {
                let results = answer.into_inner().results.into_iter();
                worst(results.filter_map(|result| match result.outcome {
                    Some(befriended::Outcome::Error(status)) => Some(Refusal::of_item(&status)),
                    _ => None,
                }))
            }
            Err(status) => reason(&status),
        }
    }

    async fn ask(&self, from: &TestUser, to: &TestUser, allow_existing: bool) -> String {
        let request = SendFriendRequestRequest {
            user_id: to.id,
            note: String::new(),
            allow_existing,
        };
        told(self.app.social_graph(from).send_friend_request(request).await)
    }

    /// Cancels, accepts or declines the request between two users, if they have one.
    async fn answer(&self, actor: &TestUser, other: &TestUser, random: &mut StdRng) -> String {
        let mut graph = self.app.social_graph(actor);
        let request = GetRelationshipRequest {
            viewer_id: actor.id,
            user_id: other.id,
        };
        let relationship = match graph.get_relationship(request).await {
            Ok(answer) => answer.into_inner().relationship.unwrap_or_default(),
            Err(status) => return reason(&status),
        };
        let Some(request) = relationship.friend_request else {
            return "OK".to_owned();
        };
        let (friend_request_id, allow_missing) = (request.id, random.random_bool(0.5));
        if request.from_user_id == actor.id {
            let cancel = CancelFriendRequestRequest {
                friend_request_id,
                allow_missing,
            };
            return told(graph.cancel_friend_request(cancel).await);
        }
        if random.random_bool(0.7) {
            let accept = AcceptFriendRequestRequest { friend_request_id };
            return told(graph.accept_friend_request(accept).await);
        }
        let decline = DeclineFriendRequestRequest {
            friend_request_id,
            allow_missing,
        };
        told(graph.decline_friend_request(decline).await)
    }

    async fn block(&self, actor: &TestUser, other: &TestUser) -> String {
        if let Some(conn) = &self.one_statement {
            let sql = ONE_STATEMENT
                .replace("$1", &actor.id.to_string())
                .replace("$2", &other.id.to_string());
            let blocked = conn.lock().await.batch_execute(&sql).await;
            return blocked.map_or_else(|error| error.to_string(), |()| "OK".to_owned());
        }
        let request = BlockUserRequest {
            user_id: other.id,
            allow_existing: true,
        };
        told(self.app.social_graph(actor).block_user(request).await)
    }

    async fn delete(&self, person: usize) -> String {
        let operator = self.app.operator(&["identity.users.delete"]);
        let request = DeleteUserRequest {
            user_id: self.people[person].id,
            allow_missing: false,
        };
        told(self.app.identity(&operator).delete_user(request).await)
    }

    /// The invariants that are broken.
    async fn broken(&self) -> Vec<&'static str> {
        let mut owner = self.app.database.owner().await;
        let broken = kith_schema::invariants::check(&mut owner).await;
        let broken = broken.expect("the queries run").into_iter();
        broken.map(|broken| broken.invariant).collect()
    }
}

/// A block that takes its lock within the statement that cuts, whose snapshot is older.
const ONE_STATEMENT: &str = "
    WITH made AS (
        INSERT INTO social_graph.blocks (blocker_id, blocked_id) VALUES ($1, $2) ON CONFLICT DO NOTHING
    ), friendships AS (
        DELETE FROM social_graph.friendships WHERE (user_id, friend_id) IN (($1, $2), ($2, $1))
    ), requests AS (
        DELETE FROM social_graph.friend_requests WHERE (from_user_id, to_user_id) IN (($1, $2), ($2, $1))
    )
    DELETE FROM social_graph.follows WHERE (follower_id, followed_id) IN (($1, $2), ($2, $1))";

/// Lets every transaction that added something take a while to commit, longer than most calls on a busy machine.
const SLOW_COMMITS: &str = "
    CREATE FUNCTION social_graph.dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON social_graph.follows
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION social_graph.dawdle();
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON social_graph.friend_requests
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION social_graph.dawdle();
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON social_graph.blocks
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION social_graph.dawdle()";

const NO_LOCKS: &str = "
    CREATE OR REPLACE FUNCTION social_graph.pair_lock(one bigint, other bigint) RETURNS void
        LANGUAGE sql RETURN pg_sleep(0.001);
    CREATE OR REPLACE FUNCTION social_graph.pair_lock_shared(one bigint, other bigint) RETURNS void
        LANGUAGE sql RETURN NULL";

fn told<T>(answer: Result<Response<T>, Status>) -> String {
    answer.map_or_else(|status| reason(&status), |_| "OK".to_owned())
}

fn reason(status: &Status) -> String {
    outcome(&Refusal::of(status))
}

fn outcome(refusal: &Refusal) -> String {
    format!("{:?} {}", refusal.code, refusal.reason)
}

/// Of a batch: what no caller may be told, if an item was; else that it went well, whatever was true of its items.
fn worst(mut refusals: impl Iterator<Item = Refusal>) -> String {
    let bad = refusals.find_map(|refusal| Some(outcome(&refusal)).filter(|outcome| is_unexpected(outcome)));
    bad.unwrap_or_else(|| "OK".to_owned())
}

/// Two different ones of so many people, by their places.
fn places(random: &mut StdRng, people: usize) -> (usize, usize) {
    let one = random.random_range(0..people);
    (one, (one + random.random_range(1..people)) % people)
}

fn is_unexpected(outcome: &str) -> bool {
    NEVER.iter().any(|never| outcome.starts_with(never))
}

fn assert_nothing_unexpected(outcomes: &Outcomes) {
    // Without a reason it is not a service's answer: the machine was too busy to keep a connection alive.
    let answered = outcomes.keys().filter(|outcome| *outcome != "Unavailable ");
    let unexpected = answered.filter(|outcome| is_unexpected(outcome));
    assert_eq!(unexpected.count(), 0, "{outcomes:#?}");
}

/// So many things are done by each caller that there are 100,000 in all.
fn steps() -> usize {
    size::of(60, 100_000 / CALLERS + 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_at_the_same_moment_nothing_is_broken_and_nobody_deadlocks() {
    let storm = Arc::new(Storm::of(PEOPLE).await);
    let outcomes = storm.rage(0, steps(), 0).await;
    assert_nothing_unexpected(&outcomes);
    assert!(!outcomes.contains_key("NotFound USER_NOT_FOUND"), "{outcomes:#?}");
    assert_eq!(storm.broken().await, [""; 0]);
    println!("{outcomes:#?}");
    let mut storm = Arc::into_inner(storm).expect("the callers are gone");
    storm.app.shut_down().await;
    assert_eq!(storm.app.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_may_be_deleted_meanwhile() {
    let storm = Arc::new(Storm::of(PEOPLE).await);
    let outcomes = storm.rage(0, steps(), DELETED).await;
    assert_nothing_unexpected(&outcomes);
    assert_eq!(storm.broken().await, [""; 0]);
    let mut storm = Arc::into_inner(storm).expect("the callers are gone");
    storm.app.shut_down().await;
    let deadlocks = storm.app.database.deadlocks().await;
    println!("{outcomes:#?}, {deadlocks} deadlocks that no caller saw");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_pairs_lock_the_same_storm_finds_edges_beside_blocks() {
    let storm = Arc::new(Storm::of(FEW).await);
    storm.execute(NO_LOCKS).await;
    storm.execute(SLOW_COMMITS).await;
    assert!(storm.leaves_edges_beside_blocks().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_blocks_of_one_statement_the_same_storm_finds_edges_beside_blocks() {
    let mut storm = Storm::of(FEW).await;
    storm.one_statement = Some(Mutex::new(storm.app.database.owner().await));
    let storm = Arc::new(storm);
    storm.execute(SLOW_COMMITS).await;
    assert!(storm.leaves_edges_beside_blocks().await);
}
