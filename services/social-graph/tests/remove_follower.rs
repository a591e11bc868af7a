use kith_contracts::social_graph::v1::{RemoveFollowerRequest, RemoveFollowerResponse};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, count_follows, deactivate, follow, refusal};

type Called = Result<Response<RemoveFollowerResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, user_id: i64, allow_missing: bool) -> Called {
    let request = RemoveFollowerRequest {
        user_id,
        allow_missing,
    };
    app.social_graph(caller).remove_follower(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_follow_of_the_caller_is_answered_as_it_was_and_gone() {
    let app = TestApp::start().await;
    let users = app.users(&["star", "fan"]).await;
    let (there, back) = (
        follow(&app, &users[1], &users[0]).await,
        follow(&app, &users[0], &users[1]).await,
    );
    let removed = answer(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(removed.follow, Some(there));
    let left = format!("follower_id = {}", back.follower_id);
    assert_eq!(
        (
            count_follows(&app, &left).await,
            count_follows(&app, "true").await
        ),
        (1, 1)
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_may_follow_again() {
    let app = TestApp::start().await;
    let users = app.users(&["star", "fan"]).await;
    follow(&app, &users[1], &users[0]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
    follow(&app, &users[1], &users[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_does_not_follow_is_named_and_with_allow_missing_passed_over() {
    let app = TestApp::start().await;
    let users = app.users(&["star", "fan"]).await;
    for id in [users[1].id, users[0].id, 4711] {
        let refused = refusal(call(&app, &users[0], id, false).await);
        assert_eq!(refused.summary(), "NotFound FOLLOW_NOT_FOUND []");
        let name = format!("users/{id}/following/{}", users[0].id);
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.Follow".to_owned(), name))
        );
        assert_eq!(answer(call(&app, &users[0], id, true).await).follow, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_follower_can_be_removed() {
    let app = TestApp::start().await;
    let users = app.users(&["star", "fan"]).await;
    follow(&app, &users[1], &users[0]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(count_follows(&app, "true").await, 0);
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
