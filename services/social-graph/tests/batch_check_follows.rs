use kith_contracts::social_graph::v1::batch_check_follows_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchCheckFollowsRequest, BatchCheckFollowsResponse, FollowCheck, FollowPair,
};
use kith_testkit::{Refusal, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, follow, follow_all, pair, refusal};

async fn call(app: &TestApp, pairs: Vec<FollowPair>) -> Result<Response<BatchCheckFollowsResponse>, Status> {
    app.social_graph(&app.operator(&[]))
        .batch_check_follows(BatchCheckFollowsRequest { pairs })
        .await
}

async fn check(app: &TestApp, pairs: Vec<FollowPair>) -> Vec<Result<FollowCheck, Refusal>> {
    let outcome = |outcome| match outcome {
        Some(Outcome::Check(check)) => Ok(check),
        Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
        None => panic!("an item without outcome"),
    };
    let results = answer(call(app, pairs).await).results;
    results
        .into_iter()
        .map(|result| outcome(result.outcome))
        .collect()
}

const NOT_FOLLOWING: FollowCheck = FollowCheck {
    is_following: false,
    since: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn answers_stand_in_the_order_of_the_pairs_with_the_times_of_the_follows() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    let second = follow(&app, &users[2], &users[0]).await;
    let [alice, bob, carol] = [users[0].id, users[1].id, users[2].id];
    let pairs = vec![
        pair(carol, alice),
        pair(bob, alice),
        pair(alice, bob),
        pair(alice, alice),
        pair(carol, alice),
        pair(alice, 4711),
    ];
    let since = |time| FollowCheck {
        is_following: true,
        since: time,
    };
    let expected = [
        since(second.create_time),
        NOT_FOLLOWING,
        since(first.create_time),
        NOT_FOLLOWING,
        since(second.create_time),
        NOT_FOLLOWING,
    ];
    assert_eq!(check(&app, pairs).await, expected.map(Ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_pair_fails_alone_under_its_place() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    follow(&app, &users[0], &users[1]).await;
    let pairs = vec![pair(0, -1), pair(users[0].id, users[1].id), pair(1, 0)];
    let checks = check(&app, pairs).await;
    assert_eq!(
        checks[0].as_ref().map_err(Refusal::summary),
        Err(
            "InvalidArgument ID_INVALID [pairs[0].follower_id ID_INVALID, pairs[0].followed_id ID_INVALID]"
                .to_owned()
        )
    );
    assert_eq!(checks[1].as_ref().map(|check| check.is_following), Ok(true));
    assert_eq!(
        checks[2].as_ref().map_err(Refusal::summary),
        Err("InvalidArgument ID_INVALID [pairs[2].followed_id ID_INVALID]".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_pairs_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let made = follow_all(&app, vec![pair(users[0].id, users[1].id)]).await;
    let mut pairs = vec![pair(users[0].id, users[1].id); 101];
    let refused = refusal(call(&app, pairs.clone()).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [pairs BATCH_TOO_LARGE]"
    );
    pairs.pop();
    let checks = check(&app, pairs).await;
    let since = checks.into_iter().flatten().map(|check| check.since);
    assert_eq!(since.filter(|since| *since == made[0].create_time).count(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pairs_give_no_answers() {
    let app = TestApp::start().await;
    assert_eq!(check(&app, Vec::new()).await, []);
}
