use kith_contracts::social_graph::v1::batch_follow_result::Outcome;
use kith_contracts::social_graph::v1::{BatchFollowRequest, BatchFollowResponse, Follow, FollowPair};
use kith_testkit::{Caller, Refusal, TestApp};
use tonic::{Response, Status};

use crate::graph::block;
use crate::support::{IMPORT, Uncommitted, answer, count_follows, crowd, deactivate, follow, pair, refusal};

type Called = Result<Response<BatchFollowResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, pairs: Vec<FollowPair>, allow_existing: bool) -> Called {
    let request = BatchFollowRequest {
        pairs,
        allow_existing,
    };
    app.social_graph(caller).batch_follow(request).await
}

/// The follow of an item and whether it was there before, or its refusal.
type Made = Result<(Follow, bool), Refusal>;

async fn make(app: &TestApp, pairs: Vec<FollowPair>, allow_existing: bool) -> Vec<Made> {
    let importer = app.operator(&[IMPORT]);
    let results = answer(call(app, &importer, pairs, allow_existing).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Follow(follow)) => Ok((follow, result.existing)),
            Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
            None => panic!("an item without outcome"),
        })
        .collect()
}

/// Each item in a word or two.
fn sketch(made: &[Made]) -> Vec<String> {
    let word = |item: &Made| match item {
        Ok((_, false)) => "made".to_owned(),
        Ok((_, true)) => "existing".to_owned(),
        Err(refused) => refused.summary(),
    };
    made.iter().map(word).collect()
}

const EXISTS: &str = "AlreadyExists FOLLOW_EXISTS []";

#[tokio::test(flavor = "multi_thread")]
async fn follows_are_made_and_answered_in_the_order_of_the_request() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = [users[0].id, users[1].id, users[2].id];
    let pairs = vec![pair(carol, bob), pair(alice, bob), pair(bob, alice)];
    let made = make(&app, pairs.clone(), false).await;
    assert_eq!(sketch(&made), ["made"; 3]);
    let ids = made.into_iter().flatten();
    let ids: Vec<_> = ids
        .map(|(follow, _)| pair(follow.follower_id, follow.followed_id))
        .collect();
    assert_eq!(ids, pairs);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_equal_pairs_the_first_makes_the_follow_and_the_others_find_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let (there, back) = (pair(users[0].id, users[1].id), pair(users[1].id, users[0].id));
    let made = make(&app, vec![there, back, there], false).await;
    assert_eq!(sketch(&made), ["made", "made", EXISTS]);
    let refused = made[2].as_ref().expect_err("an equal pair");
    assert_eq!(refused.metadata["constraint"], "social_graph_follows_pkey");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_existing_equal_pairs_answer_the_same_follow() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let made = make(&app, vec![pair(users[0].id, users[1].id); 3], true).await;
    assert_eq!(sketch(&made), ["made", "existing", "existing"]);
    let follows: Vec<_> = made.into_iter().flatten().map(|(follow, _)| follow).collect();
    assert!(follows.iter().all(|follow| *follow == follows[0]));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_safe_with_allow_existing_and_told_without() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    let pairs = vec![pair(users[2].id, users[1].id), pair(users[0].id, users[1].id)];
    let made = make(&app, pairs.clone(), true).await;
    assert_eq!(sketch(&made), ["made", "existing"]);
    assert_eq!(made[1], Ok((first, true)));
    assert_eq!(sketch(&make(&app, pairs, false).await), [EXISTS, EXISTS]);
    assert_eq!(count_follows(&app, "true").await, 2);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_fails_alone_with_the_constraint_of_its_side() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let [alice, bob] = [users[0].id, users[1].id];
    let pairs = vec![
        pair(alice, 4711),
        pair(4711, bob),
        pair(4711, 4712),
        pair(alice, bob),
    ];
    let made = make(&app, pairs, true).await;
    let missing = "NotFound USER_NOT_FOUND []";
    assert_eq!(sketch(&made), [missing, missing, missing, "made"]);
    let constraint = |place: usize| {
        let refused: Option<&Refusal> = made[place].as_ref().err();
        refused.map(|refused| refused.metadata["constraint"].clone())
    };
    let (follower, followed) = (
        "social_graph_follows_follower_id_fkey".to_owned(),
        "social_graph_follows_followed_id_fkey".to_owned(),
    );
    assert_eq!(
        [constraint(0), constraint(1), constraint(2)],
        [Some(followed), Some(follower.clone()), Some(follower)]
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_goes_meanwhile_fails_alone_like_one_who_was_never_there() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = [users[0].id, users[1].id, users[2].id];
    let delete = format!("DELETE FROM identity.users WHERE id = {carol}");
    let other = Uncommitted::begin(&app, &delete).await;
    let pairs = vec![pair(alice, bob), pair(carol, bob), pair(bob, alice)];
    let call = make(&app, pairs.clone(), false);
    let (made, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(sketch(&made), ["made", "NotFound USER_NOT_FOUND []", "made"]);
    assert_eq!(made[1], make(&app, pairs, false).await[1]);
    app.database.assert_invariants().await;
}

const NOT_ALLOWED: &str = "PermissionDenied INTERACTION_NOT_ALLOWED []";

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_with_a_block_fails_alone_in_either_direction() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    block(&app, &users[0], &users[1]).await;
    let [alice, bob, carol] = [users[0].id, users[1].id, users[2].id];
    let pairs = vec![
        pair(alice, bob),
        pair(carol, bob),
        pair(bob, alice),
        pair(alice, carol),
    ];
    let made = make(&app, pairs, true).await;
    assert_eq!(sketch(&made), [NOT_ALLOWED, "made", NOT_ALLOWED, "made"]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_meanwhile_fails_its_pair_alone() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = [users[0].id, users[1].id, users[2].id];
    let block = format!("INSERT INTO social_graph.blocks VALUES ({bob}, {alice})");
    let other = Uncommitted::begin(&app, &block).await;
    let pairs = vec![pair(carol, bob), pair(alice, bob), pair(bob, carol)];
    let (made, ()) = tokio::join!(make(&app, pairs, false), other.commit_under_a_waiting_call());
    assert_eq!(sketch(&made), ["made", NOT_ALLOWED, "made"]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_pair_fails_alone_under_its_place() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let [alice, bob] = [users[0].id, users[1].id];
    let pairs = vec![pair(alice, alice), pair(0, -1), pair(alice, bob), pair(0, 0)];
    let made = make(&app, pairs, false).await;
    assert_eq!(
        sketch(&made),
        [
            "InvalidArgument SELF_FOLLOW [pairs[0].followed_id SELF_FOLLOW]",
            "InvalidArgument ID_INVALID [pairs[1].follower_id ID_INVALID, pairs[1].followed_id ID_INVALID]",
            "made",
            "InvalidArgument ID_INVALID [pairs[3].follower_id ID_INVALID, pairs[3].followed_id ID_INVALID]",
        ]
    );
    let refused = made[0].as_ref().expect_err("a self-follow");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_follows_no_self_follow"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deactivated_users_are_taken() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "idle"]).await;
    deactivate(&app, &users[1]).await;
    let pairs = vec![pair(users[0].id, users[1].id), pair(users[1].id, users[0].id)];
    assert_eq!(sketch(&make(&app, pairs, false).await), ["made", "made"]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_pairs_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 33).await;
    let ids = || users.iter().map(|user| user.id);
    let all = ids().flat_map(|follower| ids().map(move |followed| pair(follower, followed)));
    let mut pairs: Vec<_> = all
        .filter(|pair| pair.follower_id != pair.followed_id)
        .take(1001)
        .collect();
    let importer = app.operator(&[IMPORT]);
    let refused = refusal(call(&app, &importer, pairs.clone(), false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [pairs BATCH_TOO_LARGE]"
    );
    pairs.pop();
    assert_eq!(sketch(&make(&app, pairs, false).await), vec!["made"; 1000]);
    assert_eq!(count_follows(&app, "true").await, 1000);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_the_same_pairs_in_opposite_order_make_each_once_without_a_deadlock() {
    let mut app = TestApp::start().await;
    let users = crowd(&app, "u", 32).await;
    let ids = || users.iter().map(|user| user.id);
    let all = ids().flat_map(|follower| ids().map(move |followed| pair(follower, followed)));
    let forth: Vec<_> = all.filter(|pair| pair.follower_id != pair.followed_id).collect();
    let back: Vec<_> = forth.iter().rev().copied().collect();
    let (one, other) = tokio::join!(make(&app, forth, true), make(&app, back, true));
    let answers = [one, other].concat();
    let made = answers.iter().flatten().filter(|(_, existing)| !existing).count();
    assert_eq!((answers.iter().flatten().count(), made), (1984, 992));
    app.database.assert_invariants().await;
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_pairs_give_no_answers() {
    let app = TestApp::start().await;
    assert_eq!(make(&app, Vec::new(), false).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_for_services_with_the_scope() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let pairs = vec![pair(users[0].id, users[1].id)];
    let service = app.operator(&["identity.users.import"]);
    let refused = refusal(call(&app, &service, pairs.clone(), false).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
    assert_eq!(refused.metadata["scope"], IMPORT);
    let refused = refusal(call(&app, &users[0], pairs, false).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    assert_eq!(refused.metadata["audience"], "AUDIENCE_OPERATOR");
    assert_eq!(count_follows(&app, "true").await, 0);
}
