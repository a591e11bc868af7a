use kith_contracts::identity::v1::{DeactivateUserRequest, ReactivateUserRequest, ReactivateUserResponse};
use kith_contracts::social_graph::v1::FollowRequest;
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{
    REFRESH_TOKEN_INVALID, account, answer, refresh, refresh_refused, refusal, register, sessions, sign_in,
};

/// The scope that reactivates anybody.
const DEACTIVATE: &str = "identity.users.deactivate";

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    user_id: i64,
) -> Result<Response<ReactivateUserResponse>, Status> {
    let request = ReactivateUserRequest { user_id };
    app.identity(caller).reactivate_user(request).await
}

async fn reactivate(app: &TestApp, user_id: i64) -> ReactivateUserResponse {
    answer(call(app, &app.operator(&[DEACTIVATE]), user_id).await)
}

async fn deactivate(app: &TestApp, user_id: i64) {
    let request = DeactivateUserRequest { user_id };
    let operator = app.operator(&[DEACTIVATE]);
    answer(app.identity(&operator).deactivate_user(request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_signs_in_again_and_its_old_sessions_stay_ended() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let before = sign_in(&app, "alice").await;
    deactivate(&app, id).await;
    let user = reactivate(&app, id).await.user.expect("a user");
    assert_eq!((user.id, user.is_active), (id, true));
    let after = sign_in(&app, "alice").await;
    answer(refresh(&app, &after.refresh_token).await);
    assert_eq!(
        refresh_refused(&app, &before.refresh_token).await,
        REFRESH_TOKEN_INVALID
    );
    assert_eq!(sessions(&app, &after.caller).await.len(), 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_can_be_followed_again() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    deactivate(&app, users[0].id).await;
    reactivate(&app, users[0].id).await;
    let request = FollowRequest {
        user_id: users[0].id,
        allow_existing: false,
    };
    answer(app.social_graph(&users[1]).follow(request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_etag_moves_once_however_often_it_is_said() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    reactivate(&app, alice.id).await;
    assert_eq!(account(&app, &alice).await.etag, "v1");
    deactivate(&app, alice.id).await;
    let first = reactivate(&app, alice.id).await;
    let after = account(&app, &alice).await;
    assert_eq!(after.etag, "v3");
    assert_eq!(reactivate(&app, alice.id).await, first);
    assert_eq!(account(&app, &alice).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reactivates_itself() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    deactivate(&app, alice.id).await;
    let refused = refusal(call(&app, &alice, alice.id).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    assert!(!account(&app, &alice).await.user.expect("a user").is_active);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found_and_an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let operator = app.operator(&[DEACTIVATE]);
    let refused = refusal(call(&app, &operator, 4711).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let refused = refusal(call(&app, &operator, 0).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
