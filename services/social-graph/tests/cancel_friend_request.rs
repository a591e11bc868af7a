use kith_contracts::social_graph::v1::{CancelFriendRequestRequest, CancelFriendRequestResponse};
use kith_testkit::{TestApp, TestUser, count};
use tonic::{Response, Status};

use crate::graph::ask;
use crate::support::{answer, deactivate, refusal};

type Called = Result<Response<CancelFriendRequestResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, id: i64, allow_missing: bool) -> Called {
    let request = CancelFriendRequestRequest {
        friend_request_id: id,
        allow_missing,
    };
    app.social_graph(caller).cancel_friend_request(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_is_answered_as_it_was_and_gone() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let request = ask(&app, &users[0], &users[1]).await;
    let canceled = answer(call(&app, &users[0], request.id, false).await);
    assert_eq!(canceled.friend_request, Some(request));
    assert_eq!(count(&app, "social_graph.friend_requests").await, 0);
    // There is no time to wait after that.
    ask(&app, &users[0], &users[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_asked_may_not_and_others_find_nothing() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    for (user, expected) in [
        (&users[1], "PermissionDenied NOT_OWNER []"),
        (&users[2], "NotFound FRIEND_REQUEST_NOT_FOUND []"),
    ] {
        let refused = refusal(call(&app, user, id, false).await);
        assert_eq!(refused.summary(), expected);
        let name = format!("friendRequests/{id}");
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.FriendRequest".to_owned(), name))
        );
    }
    assert_eq!(answer(call(&app, &users[2], id, true).await).friend_request, None);
    assert_eq!(count(&app, "social_graph.friend_requests").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_missing_a_repeat_is_a_success_without_request() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    answer(call(&app, &users[0], id, true).await);
    assert_eq!(answer(call(&app, &users[0], id, true).await).friend_request, None);
    let refused = refusal(call(&app, &users[0], id, false).await);
    assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_of_either_does_not_keep_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    deactivate(&app, &users[0]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[0], id, false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 0, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [friend_request_id ID_INVALID]"
    );
}
