use kith_contracts::social_graph::v1::{UnfriendRequest, UnfriendResponse};
use kith_testkit::{TestApp, TestUser, count};
use tonic::{Response, Status};

use crate::graph::{ask, befriend, nothing, relationship};
use crate::support::{answer, deactivate, follow, refusal};

type Called = Result<Response<UnfriendResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, user_id: i64, allow_missing: bool) -> Called {
    let request = UnfriendRequest {
        user_id,
        allow_missing,
    };
    app.social_graph(caller).unfriend(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn either_ends_the_friendship_for_both_and_is_told_its_side() {
    let app = TestApp::start().await;
    for one in [0, 1] {
        let users = app.users(&[&format!("a{one}"), &format!("b{one}")]).await;
        let friendship = befriend(&app, &users[1 - one], &users[one]).await;
        let ended = answer(call(&app, &users[one], users[1 - one].id, false).await);
        assert_eq!(ended.friendship, Some(friendship));
        assert_eq!(
            relationship(&app, &users[0], &users[1]).await,
            nothing(&users[0], &users[1])
        );
    }
    assert_eq!(count(&app, "social_graph.friendships").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_stay_and_either_may_ask_again() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let follow = follow(&app, &users[0], &users[1]).await;
    befriend(&app, &users[0], &users[1]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await.follow,
        Some(follow)
    );
    ask(&app, &users[1], &users[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_friendship_that_is_not_there_is_named_and_with_allow_missing_passed_over() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    ask(&app, &users[0], &users[1]).await;
    for id in [users[1].id, users[0].id, 4711] {
        let refused = refusal(call(&app, &users[0], id, false).await);
        assert_eq!(refused.summary(), "NotFound FRIENDSHIP_NOT_FOUND []");
        let name = format!("users/{}/friends/{id}", users[0].id);
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.Friendship".to_owned(), name))
        );
        assert_eq!(answer(call(&app, &users[0], id, true).await).friendship, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_of_either_does_not_keep_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    befriend(&app, &users[0], &users[1]).await;
    deactivate(&app, &users[0]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 0, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
