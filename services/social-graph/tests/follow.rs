use kith_contracts::social_graph::v1::{FollowRequest, FollowResponse};
use kith_testkit::{Caller, Refusal, TestApp};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::graph::block;
use crate::support::{Uncommitted, answer, count_follows, deactivate, execute, follow, instant, refusal};

type Called = Result<Response<FollowResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, user_id: i64, allow_existing: bool) -> Called {
    let request = FollowRequest {
        user_id,
        allow_existing,
    };
    app.social_graph(caller).follow(request).await
}

async fn refused(app: &TestApp, caller: &impl Caller, user_id: i64) -> Refusal {
    refusal(call(app, caller, user_id, false).await)
}

fn user_resource(id: i64) -> Option<(String, String)> {
    Some(("kith.identity.v1.User".to_owned(), format!("users/{id}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_follow_is_answered_and_stored() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let answer = answer(call(&app, &users[0], users[1].id, false).await);
    let follow = answer.follow.expect("a follow");
    assert_eq!(
        (follow.follower_id, follow.followed_id),
        (users[0].id, users[1].id)
    );
    assert!(follow.create_time.is_some() && !answer.existing);
    assert_eq!(count_follows(&app, "true").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_follow_of_the_same_user_exists_already() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    follow(&app, &users[0], &users[1]).await;
    let refused = refused(&app, &users[0], users[1].id).await;
    assert_eq!(refused.summary(), "AlreadyExists FOLLOW_EXISTS []");
    assert_eq!(refused.metadata["constraint"], "social_graph_follows_pkey");
    assert_eq!(count_follows(&app, "true").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_existing_the_first_follow_is_answered_as_it_was() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = answer(call(&app, &users[0], users[1].id, true).await);
    let second = answer(call(&app, &users[0], users[1].id, true).await);
    assert_eq!((first.existing, second.existing), (false, true));
    assert_eq!(first.follow, second.follow);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_one_makes_the_follow() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let mut calls = JoinSet::new();
    for _ in 0..24 {
        let mut client = app.social_graph(&users[0]);
        let request = FollowRequest {
            user_id: users[1].id,
            allow_existing: true,
        };
        calls.spawn(async move { client.follow(request).await });
    }
    let answers: Vec<_> = calls.join_all().await.into_iter().map(answer).collect();
    assert_eq!(answers.iter().filter(|answer| !answer.existing).count(), 1);
    assert!(answers.iter().all(|answer| answer.follow == answers[0].follow));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_somebody_else_makes_meanwhile_is_found() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let [alice, bob] = [users[0].id, users[1].id];
    let insert =
        format!("INSERT INTO social_graph.follows (follower_id, followed_id) VALUES ({alice}, {bob})");
    let other = Uncommitted::begin(&app, &insert).await;
    let call = call(&app, &users[0], bob, true);
    let (called, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert!(answer(called).existing);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_goes_meanwhile_is_refused_like_one_who_was_never_there() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let delete = format!("DELETE FROM identity.users WHERE id = {}", users[1].id);
    let other = Uncommitted::begin(&app, &delete).await;
    let call = call(&app, &users[0], users[1].id, false);
    let (called, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(refusal(called), refused(&app, &users[0], users[1].id).await);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_itself() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refused(&app, &alice, alice.id).await;
    assert_eq!(
        refused.summary(),
        "InvalidArgument SELF_FOLLOW [user_id SELF_FOLLOW]"
    );
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_follows_no_self_follow"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_cannot_be_followed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for id in [4711, i64::MAX] {
        let refused = refused(&app, &alice, id).await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        assert_eq!(
            refused.metadata["constraint"],
            "social_graph_follows_followed_id_fkey"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_cannot_follow() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    execute(&app, "DELETE FROM identity.users WHERE username = 'alice'").await;
    let refused = refused(&app, &users[0], users[1].id).await;
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_follows_follower_id_fkey"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_neither_follows_nor_is_followed() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "idle"]).await;
    deactivate(&app, &users[1]).await;
    for (caller, followed) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        let refused = refused(&app, caller, followed.id).await;
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
        assert_eq!(refused.resource, user_resource(users[1].id));
    }
    assert_eq!(count_follows(&app, "true").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_is_there_outlives_a_deactivation() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    deactivate(&app, &users[1]).await;
    let again = answer(call(&app, &users[0], users[1].id, true).await);
    assert_eq!((again.follow, again.existing), (Some(first), true));
    let refused = refused(&app, &users[0], users[1].id).await;
    assert_eq!(refused.summary(), "AlreadyExists FOLLOW_EXISTS []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_was_ended_begins_anew() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    execute(&app, "DELETE FROM social_graph.follows").await;
    let second = follow(&app, &users[0], &users[1]).await;
    assert!(instant(&second) > instant(&first));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_block_nobody_follows_and_nobody_is_told_why() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    block(&app, &users[0], &users[1]).await;
    for (follower, followed) in [(&users[0], &users[1]), (&users[1], &users[0])] {
        let refused = refused(&app, follower, followed.id).await;
        assert_eq!(refused.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
        assert!(refused.metadata.is_empty() && refused.resource.is_none() && !refused.retry);
    }
    assert_eq!(count_follows(&app, "true").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_meanwhile_is_waited_for_and_refuses_it_all_the_same() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let block = format!(
        "INSERT INTO social_graph.blocks VALUES ({}, {})",
        users[1].id, users[0].id
    );
    let other = Uncommitted::begin(&app, &block).await;
    let call = refused(&app, &users[0], users[1].id);
    let (meanwhile, ()) = tokio::join!(call, other.commit_under_a_waiting_call());
    assert_eq!(meanwhile.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
    assert_eq!(meanwhile, refused(&app, &users[0], users[1].id).await);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for id in [0, -1, i64::MIN] {
        let summary = refused(&app, &alice, id).await.summary();
        assert_eq!(summary, "InvalidArgument ID_INVALID [user_id ID_INVALID]", "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_by_itself_follows_nobody() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let service = app.operator(&["social_graph.follows.import"]);
    let refused = refused(&app, &service, alice.id).await;
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    assert_eq!(refused.metadata["audience"], "AUDIENCE_USER");
}
