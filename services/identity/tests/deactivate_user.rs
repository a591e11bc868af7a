use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{AuthenticateRequest, DeactivateUserRequest, DeactivateUserResponse};
use kith_contracts::social_graph::v1::FollowRequest;
use kith_testkit::{Caller, TestApp};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{
    PASSWORD, REFRESH_TOKEN_INVALID, Uncommitted, account, answer, authenticate, count, execute, instant,
    refresh, refresh_refused, refusal, register, sign_in, through,
};

/// The scope that deactivates anybody.
const DEACTIVATE: &str = "identity.users.deactivate";

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    user_id: i64,
) -> Result<Response<DeactivateUserResponse>, Status> {
    let request = DeactivateUserRequest { user_id };
    app.identity(caller).deactivate_user(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_deactivates_itself_and_an_operator_anybody() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let own = answer(call(&app, &users[0], users[0].id).await)
        .user
        .expect("a user");
    let others = answer(call(&app, &app.operator(&[DEACTIVATE]), users[1].id).await)
        .user
        .expect("a user");
    assert_eq!((own.id, own.is_active), (users[0].id, false));
    assert_eq!((others.id, others.is_active), (users[1].id, false));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_is_refused_in_the_words_for_a_wrong_password() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let wrong = refusal(authenticate(&app, "alice", "wrong horse").await);
    answer(call(&app, &app.operator(&[DEACTIVATE]), id).await);
    assert_eq!(refusal(authenticate(&app, "alice", PASSWORD).await), wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_ends_and_no_other_users() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    register(&app, "bob").await;
    let (one, two, bob) = (
        sign_in(&app, "alice").await,
        sign_in(&app, "alice").await,
        sign_in(&app, "bob").await,
    );
    answer(call(&app, &one.caller, id).await);
    for ended in [&one, &two] {
        assert_eq!(
            refresh_refused(&app, &ended.refresh_token).await,
            REFRESH_TOKEN_INVALID
        );
    }
    answer(refresh(&app, &bob.refresh_token).await);
    assert_eq!(count(&app, "identity.sessions").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_follows_the_inactive_and_they_follow_nobody() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    answer(call(&app, &users[0], users[0].id).await);
    for (follower, followed) in [(&users[1], &users[0]), (&users[0], &users[1])] {
        let request = FollowRequest {
            user_id: followed.id,
            allow_existing: false,
        };
        let refused = refusal(app.social_graph(follower).follow(request).await);
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_etag_move_once_however_often_it_is_said() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let before = account(&app, &alice).await;
    let first = answer(call(&app, &alice, alice.id).await);
    let after = account(&app, &alice).await;
    assert!(instant(after.update_time) > instant(before.update_time));
    assert_eq!((before.etag.as_str(), after.etag.as_str()), ("v1", "v2"));
    assert_eq!(answer(call(&app, &alice, alice.id).await), first);
    assert_eq!(account(&app, &alice).await, after);
}

/// There are more sign-ins than passwords are hashed at once: while the first is answered, others wait for their turn.
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_that_are_under_way_leave_no_session() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let mut calls = JoinSet::new();
    for _ in 0..12 {
        let mut client = app.identity(&app.nobody());
        let request = AuthenticateRequest {
            identifier: Some(Identifier::Username("alice".to_owned())),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        calls.spawn(async move { client.authenticate(request).await });
    }
    answer(calls.join_next().await.expect("a call").expect("no panic"));
    answer(call(&app, &app.operator(&[DEACTIVATE]), id).await);
    for call in calls.join_all().await {
        if call.is_err() {
            assert_eq!(refusal(call).summary(), "Unauthenticated CREDENTIALS_INVALID []");
        }
    }
    assert_eq!(count(&app, "identity.sessions").await, 0);
}

/// The other order, of a refresh that waits for a deactivation, is as with any session that ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_that_is_being_made_or_refreshed() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let refreshing = "SELECT FROM identity.sessions FOR UPDATE";
    let making = "SELECT FROM identity.users FOR SHARE;
        INSERT INTO identity.sessions (user_id, expires_at) SELECT id, now() + interval '1 h' FROM identity.users";
    for other in [refreshing, making] {
        execute(&app, "UPDATE identity.users SET is_active = true").await;
        let other = Uncommitted::begin(&app, other).await;
        let (call, ()) = tokio::join!(call(&app, &alice.caller, id), other.commit_under_a_waiting_call());
        answer(call);
        assert_eq!(count(&app, "identity.sessions").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_not_the_callers_to_deactivate_even_through_an_operator() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let refused = refusal(call(&app, &users[1], users[0].id).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let request = DeactivateUserRequest { user_id: users[0].id };
    let passed_on = through(&app.operator(&[DEACTIVATE]), request);
    assert_eq!(
        refusal(app.identity(&users[1]).deactivate_user(passed_on).await),
        refused
    );
    assert_eq!(count(&app, "identity.users WHERE is_active").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found_and_an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 4711).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(
        refusal(call(&app, &app.operator(&[DEACTIVATE]), 4711).await),
        refused
    );
    let refused = refusal(call(&app, &alice, -1).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
