//! Many pairs of users who ask each other for friendship at the same moment.

use std::sync::Arc;
use std::time::Duration;

use kith_contracts::social_graph::v1::{SendFriendRequestOutcome as Outcome, SendFriendRequestRequest};
use kith_postgres::PoolSettings;
use kith_testkit::{AppOptions, TestApp, TestUser, answer, count};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::rows::unique;
use crate::size;

/// How many pairs ask each other at the same moment.
const AT_ONCE: usize = 32;

async fn people(app: &TestApp, count: usize) -> Vec<TestUser> {
    let names: Vec<String> = (0..count).map(|_| unique("crossing")).collect();
    app.users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await
}

async fn ask(app: &TestApp, from: &TestUser, to: &TestUser, barrier: &Barrier) -> Outcome {
    let request = SendFriendRequestRequest {
        user_id: to.id,
        ..Default::default()
    };
    // A storm may outlast the tokens of its people.
    let mut client = app.social_graph(&app.signed_in(from.id, &from.username));
    barrier.wait().await;
    answer(client.send_friend_request(request).await).outcome()
}

/// What the two of a pair are told.
async fn cross(app: Arc<TestApp>, people: Arc<Vec<TestUser>>, (one, other): (usize, usize)) -> [Outcome; 2] {
    let (one, other, barrier) = (&people[one], &people[other], Barrier::new(2));
    let (forth, back) = tokio::join!(ask(&app, one, other, &barrier), ask(&app, other, one, &barrier));
    [forth, back]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_ends_as_friends_and_one_of_it_is_told_so() {
    let options = AppOptions {
        pool: PoolSettings {
            checkout_timeout: Duration::from_secs(60),
            ..AppOptions::default().pool
        },
        ..AppOptions::default()
    };
    let mut app = Arc::new(TestApp::start_with(options).await);
    let (size, pairs) = (size::of(21, 142), size::of(200, 10_000));
    let people = Arc::new(people(&app, size).await);
    let mut all = (0..size).flat_map(|one| (0..one).map(move |other| (one, other)));
    let (mut calls, mut told) = (JoinSet::new(), Vec::new());
    for pair in all.by_ref().take(pairs) {
        if calls.len() == AT_ONCE {
            told.extend(calls.join_next().await);
        }
        calls.spawn(cross(Arc::clone(&app), Arc::clone(&people), pair));
    }
    while let Some(one) = calls.join_next().await {
        told.push(one);
    }
    assert_eq!(told.len(), pairs);
    for told in told {
        let mut told = told.expect("no panic");
        told.sort();
        assert_eq!(told, [Outcome::Created, Outcome::BecameFriends]);
    }
    let friendships = i64::try_from(2 * pairs).expect("small");
    assert_eq!(count(&app, "social_graph.friendships").await, friendships);
    assert_eq!(count(&app, "social_graph.friend_requests").await, 0);
    app.database.assert_invariants().await;
    Arc::get_mut(&mut app)
        .expect("the callers are gone")
        .shut_down()
        .await;
    assert_eq!(app.database.deadlocks().await, 0);
}
