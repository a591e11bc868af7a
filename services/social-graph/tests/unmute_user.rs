use kith_contracts::social_graph::v1::{UnmuteUserRequest, UnmuteUserResponse};
use kith_testkit::{TestApp, TestUser, count};
use tonic::{Response, Status};

use crate::graph::{mute, relationship};
use crate::support::{answer, execute, refusal};

type Called = Result<Response<UnmuteUserResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, user_id: i64, allow_missing: bool) -> Called {
    let request = UnmuteUserRequest {
        user_id,
        allow_missing,
    };
    app.social_graph(caller).unmute_user(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mute_is_answered_as_it_was_and_gone() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    let muted = relationship(&app, &users[0], &users[1]).await.mute;
    let ended = answer(call(&app, &users[0], users[1].id, false).await);
    assert!(ended.mute.is_some());
    assert_eq!(ended.mute, muted);
    assert_eq!(count(&app, "social_graph.mutes").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_callers_own_mute_ends() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    let refused = refusal(call(&app, &users[1], users[0].id, false).await);
    assert_eq!(refused.summary(), "NotFound MUTE_NOT_FOUND []");
    assert_eq!(count(&app, "social_graph.mutes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_has_expired_is_as_good_as_none() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    mute(&app, &users[0], &users[1]).await;
    let expire = "UPDATE social_graph.mutes SET created_at = now() - interval '2h', expires_at = now() - interval '1h'";
    execute(&app, expire).await;
    let refused = refusal(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(refused.summary(), "NotFound MUTE_NOT_FOUND []");
    assert_eq!(answer(call(&app, &users[0], users[1].id, true).await).mute, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_that_is_not_there_is_named_and_with_allow_missing_passed_over() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for id in [alice.id, 4711] {
        let refused = refusal(call(&app, &alice, id, false).await);
        assert_eq!(refused.summary(), "NotFound MUTE_NOT_FOUND []");
        let name = format!("users/{}/mutes/{id}", alice.id);
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.Mute".to_owned(), name))
        );
        assert_eq!(answer(call(&app, &alice, id, true).await).mute, None);
    }
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
