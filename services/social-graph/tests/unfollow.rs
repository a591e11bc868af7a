use kith_contracts::social_graph::v1::{UnfollowRequest, UnfollowResponse};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, count_follows, deactivate, follow, refusal};

type Called = Result<Response<UnfollowResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, user_id: i64, allow_missing: bool) -> Called {
    let request = UnfollowRequest {
        user_id,
        allow_missing,
    };
    app.social_graph(caller).unfollow(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_follow_is_answered_as_it_was_and_gone() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    let ended = answer(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(ended.follow, Some(first));
    assert_eq!(count_follows(&app, "true").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_callers_own_follow_ends() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    follow(&app, &users[0], &users[1]).await;
    let refused = refusal(call(&app, &users[1], users[0].id, false).await);
    assert_eq!(refused.summary(), "NotFound FOLLOW_NOT_FOUND []");
    assert_eq!(count_follows(&app, "true").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_is_not_there_is_named() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    for id in [users[1].id, users[0].id, 4711, i64::MAX] {
        let refused = refusal(call(&app, &users[0], id, false).await);
        assert_eq!(refused.summary(), "NotFound FOLLOW_NOT_FOUND []");
        let name = format!("users/{}/following/{id}", users[0].id);
        let resource = ("kith.social_graph.v1.Follow".to_owned(), name);
        assert_eq!(refused.resource, Some(resource));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_missing_a_repeat_is_a_success_without_follow() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = follow(&app, &users[0], &users[1]).await;
    let once = answer(call(&app, &users[0], users[1].id, true).await);
    let twice = answer(call(&app, &users[0], users[1].id, true).await);
    assert_eq!((once.follow, twice.follow), (Some(first), None));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_of_either_does_not_keep_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    follow(&app, &users[0], &users[1]).await;
    follow(&app, &users[1], &users[0]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
    answer(call(&app, &users[1], users[0].id, false).await);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (id, allow_missing) in [(0, false), (-1, true)] {
        let refused = refusal(call(&app, &alice, id, allow_missing).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [user_id ID_INVALID]"
        );
    }
}
