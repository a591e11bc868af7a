//! A service from its making to its end, as its callers and its operator meet it.

use kith_contracts::identity::v1::{
    ListUsersRequest, RotateServiceSecretRequest, UpdateUserRequest, WhoAmIRequest, WhoAmIResponse,
};
use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use kith_testkit::{Bearer, Caller, Refusal, TestApp, answer, refusal};
use tonic::Request;

use crate::raw::bearer;
use crate::rows::Service;

/// `message` as `service` passes it on for the user who calls.
fn through<T>(service: &Bearer, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let token = service.token().expect("a token");
    request
        .metadata_mut()
        .insert("x-kith-service-authorization", bearer(token));
    request
}

async fn who_am_i(app: &TestApp, caller: &impl Caller, request: Request<WhoAmIRequest>) -> WhoAmIResponse {
    answer(app.identity(caller).who_am_i(request).await)
}

async fn rotate(app: &TestApp, service: &mut Service) {
    let request = RotateServiceSecretRequest {
        service_account_id: service.id,
    };
    let mut identity = app.identity(&app.operator(&["identity.services.manage"]));
    service.secret = answer(identity.rotate_service_secret(request).await).secret;
}

const CREDENTIALS_INVALID: &str = "Unauthenticated CREDENTIALS_INVALID []";

fn refused(token: Result<Bearer, Refusal>) -> String {
    token.expect_err("no token").summary()
}

/// A user who signed in, whom somebody may follow.
async fn alice_and_bob(app: &TestApp) -> (kith_testkit::TestUser, kith_testkit::TestUser) {
    let alice = app.registered("alice", "correct horse").await;
    (alice, app.user("bob").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_passes_on_what_a_user_does_and_it_is_the_users() {
    let app = TestApp::start().await;
    let (alice, bob) = alice_and_bob(&app).await;
    let service = Service::new(&app, &[]).await;
    let feed = service.issue(&app).await.expect("a token");

    let who = who_am_i(&app, &alice, through(&feed, WhoAmIRequest {})).await;
    assert_eq!(
        (who.user.map(|user| user.id), who.service_id),
        (Some(alice.id), service.id)
    );
    let request = FollowRequest {
        user_id: bob.id,
        allow_existing: false,
    };
    answer(app.social_graph(&alice).follow(through(&feed, request)).await);
    let request = GetFollowRequest {
        follower_id: alice.id,
        followed_id: bob.id,
    };
    answer(app.social_graph(&bob).get_follow(request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_lends_a_user_none_of_its_rights_and_borrows_none() {
    let app = TestApp::start().await;
    let (alice, bob) = alice_and_bob(&app).await;
    let service = Service::new(&app, &["identity.accounts.read"]).await;
    let feed = service.issue(&app).await.expect("a token");

    let list = ListUsersRequest::default();
    answer(app.identity(&feed).list_users(list.clone()).await);
    let lent = app.identity(&alice).list_users(through(&feed, list)).await;
    assert_eq!(refusal(lent).reason, "CALLER_NOT_ALLOWED");
    let request = UpdateUserRequest {
        user_id: bob.id,
        first_name: Some("Bob".to_owned()),
        ..Default::default()
    };
    let other = app
        .identity(&alice)
        .update_user(through(&feed, request.clone()))
        .await;
    assert_eq!(refusal(other).reason, "NOT_OWNER");
    let itself = app.identity(&feed).update_user(request).await;
    assert_eq!(refusal(itself).reason, "CALLER_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_and_then_the_end_leave_tokens_that_are_out_alone() {
    let app = TestApp::start().await;
    let (alice, bob) = alice_and_bob(&app).await;
    let mut service = Service::new(&app, &[]).await;
    let (feed, old) = (
        service.issue(&app).await.expect("a token"),
        service.secret.clone(),
    );
    rotate(&app, &mut service).await;
    service.issue(&app).await.expect("a token for the new secret");
    let with_old = Service {
        secret: old,
        name: service.name.clone(),
        ..service
    };
    assert_eq!(refused(with_old.issue(&app).await), CREDENTIALS_INVALID);

    service.revoke(&app).await;
    assert_eq!(refused(service.issue(&app).await), CREDENTIALS_INVALID);
    // For up to 60 minutes, in every service.
    let who = who_am_i(&app, &alice, through(&feed, WhoAmIRequest {})).await;
    assert_eq!(who.service_id, service.id);
    let request = FollowRequest {
        user_id: bob.id,
        allow_existing: false,
    };
    answer(app.social_graph(&alice).follow(through(&feed, request)).await);
}
