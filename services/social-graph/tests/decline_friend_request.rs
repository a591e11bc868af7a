use std::time::Duration;

use kith_contracts::social_graph::v1::{DeclineFriendRequestRequest, DeclineFriendRequestResponse};
use kith_social_graph::FriendSettings;
use kith_testkit::{AppOptions, TestApp, TestUser, count};
use tonic::{Response, Status};

use crate::graph::{ask, nothing, relationship};
use crate::support::{answer, deactivate, refusal};

type Called = Result<Response<DeclineFriendRequestResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, id: i64, allow_missing: bool) -> Called {
    let request = DeclineFriendRequestRequest {
        friend_request_id: id,
        allow_missing,
    };
    app.social_graph(caller).decline_friend_request(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_is_answered_as_it_was_and_no_friendship_is_made() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let request = ask(&app, &users[0], &users[1]).await;
    let declined = answer(call(&app, &users[1], request.id, false).await);
    assert_eq!(declined.friend_request, Some(request));
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await,
        nothing(&users[0], &users[1])
    );
    app.database.assert_invariants().await;
}

async fn with_cooldown(decline_cooldown: Duration) -> TestApp {
    let options = AppOptions {
        friends: FriendSettings {
            decline_cooldown,
            ..FriendSettings::default()
        },
        ..AppOptions::default()
    };
    TestApp::start_with(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_until_the_next_request_is_the_operators() {
    for (cooldown, from, to) in [
        (
            FriendSettings::default().decline_cooldown,
            "6 days 23 h",
            "7 days 1 s",
        ),
        (Duration::from_millis(90_500), "80 s", "90.5 s"),
    ] {
        let app = with_cooldown(cooldown).await;
        let users = app.users(&["alice", "bob"]).await;
        let id = ask(&app, &users[0], &users[1]).await.id;
        answer(call(&app, &users[1], id, false).await);
        let condition = format!(
            "social_graph.friend_request_declines WHERE from_user_id = {} AND to_user_id = {}
                AND expires_at - now() BETWEEN '{from}' AND '{to}'",
            users[0].id, users[1].id
        );
        assert_eq!(count(&app, &condition).await, 1, "{cooldown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_such_a_time_one_may_ask_again_at_once() {
    let app = with_cooldown(Duration::ZERO).await;
    let users = app.users(&["alice", "bob"]).await;
    for _ in 0..2 {
        let id = ask(&app, &users[0], &users[1]).await.id;
        answer(call(&app, &users[1], id, false).await);
    }
    assert_eq!(count(&app, "social_graph.friend_request_declines").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_may_not_and_others_find_nothing() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    let refused = refusal(call(&app, &users[0], id, false).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let refused = refusal(call(&app, &users[2], id, false).await);
    assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
    assert_eq!(count(&app, "social_graph.friend_requests").await, 1);
    assert_eq!(count(&app, "social_graph.friend_request_declines").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_missing_a_repeat_is_a_success_without_request() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    answer(call(&app, &users[1], id, true).await);
    assert_eq!(answer(call(&app, &users[1], id, true).await).friend_request, None);
    let refused = refusal(call(&app, &users[1], id, false).await);
    assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivation_of_either_does_not_keep_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    deactivate(&app, &users[0]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[1], id, false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, -1, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [friend_request_id ID_INVALID]"
    );
}
