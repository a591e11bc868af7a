//! Callers who follow and unfollow the same people at random while users are deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::DeleteUserRequest;
use kith_contracts::social_graph::v1::{FollowRequest, UnfollowRequest};
use kith_testkit::{TestApp, TestUser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tonic::Status;

use crate::rows::unique;
use crate::size;

const CALLERS: usize = 64;
const PEOPLE: usize = 100;
/// Of the people, how many are deleted meanwhile.
const DELETED: usize = 40;

/// How often each outcome was seen, by code and reason.
type Outcomes = BTreeMap<String, usize>;

#[tokio::test(flavor = "multi_thread")]
async fn counters_are_right_and_nobody_sees_a_deadlock() {
    let app = Arc::new(TestApp::start().await);
    let outcomes = storm(&app, size::of(40, 1000)).await;
    println!("{outcomes:?}");
    let expected = [
        "OK",
        "AlreadyExists FOLLOW_EXISTS",
        "NotFound FOLLOW_NOT_FOUND",
        "NotFound USER_NOT_FOUND",
    ];
    let unexpected: Vec<_> = outcomes
        .keys()
        .filter(|outcome| !expected.contains(&outcome.as_str()))
        .collect();
    assert!(unexpected.is_empty(), "{outcomes:?}");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_triggers_the_same_storm_finds_the_drift() {
    let app = Arc::new(TestApp::start().await);
    let mut owner = app.database.owner().await;
    owner
        .batch_execute("ALTER TABLE social_graph.follows DISABLE TRIGGER USER")
        .await
        .expect("no triggers");
    storm(&app, 5).await;
    let broken = kith_schema::invariants::check(&mut owner)
        .await
        .expect("the queries run");
    assert!(
        broken
            .iter()
            .any(|broken| broken.invariant == "follow_counts_equal_the_follows"),
        "{broken:?}"
    );
}

async fn people(app: &TestApp, count: usize) -> Vec<TestUser> {
    let names: Vec<String> = (0..count).map(|_| unique("storm")).collect();
    app.users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await
}

/// Each caller makes `steps` calls; meanwhile some of the people are deleted, one after another.
async fn storm(app: &Arc<TestApp>, steps: usize) -> Outcomes {
    let (callers, people) = (people(app, CALLERS).await, people(app, PEOPLE).await);
    let ids: Arc<Vec<i64>> = Arc::new(people.iter().map(|user| user.id).collect());
    let mut tasks = JoinSet::new();
    for (seed, caller) in (0..).zip(callers) {
        tasks.spawn(act(Arc::clone(app), caller, Arc::clone(&ids), steps, seed));
    }
    tasks.spawn(delete(Arc::clone(app), ids[..DELETED].to_vec()));
    let mut total = Outcomes::new();
    for (outcome, count) in tasks.join_all().await.into_iter().flatten() {
        *total.entry(outcome).or_default() += count;
    }
    total
}

async fn act(app: Arc<TestApp>, caller: TestUser, ids: Arc<Vec<i64>>, steps: usize, seed: u64) -> Outcomes {
    let mut random = StdRng::seed_from_u64(seed);
    let mut client = app.social_graph(&caller);
    let mut outcomes = Outcomes::new();
    for _ in 0..steps {
        let user_id = ids[random.random_range(0..ids.len())];
        let outcome = if random.random_bool(0.6) {
            client
                .follow(FollowRequest {
                    user_id,
                    allow_existing: false,
                })
                .await
                .map(|_| ())
        } else {
            client
                .unfollow(UnfollowRequest {
                    user_id,
                    allow_missing: false,
                })
                .await
                .map(|_| ())
        };
        count(&mut outcomes, outcome);
    }
    outcomes
}

async fn delete(app: Arc<TestApp>, ids: Vec<i64>) -> Outcomes {
    let mut client = app.identity(&app.operator(&["identity.users.delete"]));
    let mut outcomes = Outcomes::new();
    for user_id in ids {
        let outcome = client
            .delete_user(DeleteUserRequest {
                user_id,
                allow_missing: false,
            })
            .await;
        count(&mut outcomes, outcome.map(|_| ()));
    }
    outcomes
}

fn count(outcomes: &mut Outcomes, outcome: Result<(), Status>) {
    let text = match outcome {
        Ok(()) => "OK".to_owned(),
        Err(status) => {
            let refusal = kith_testkit::Refusal::of(&status);
            format!("{:?} {}", refusal.code, refusal.reason)
        }
    };
    *outcomes.entry(text).or_default() += 1;
}
