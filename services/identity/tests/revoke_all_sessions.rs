use kith_contracts::identity::v1::{RevokeAllSessionsRequest, RevokeAllSessionsResponse};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{
    REFRESH_TOKEN_INVALID, SignedIn, Uncommitted, answer, count, execute, refresh, refresh_refused, refusal,
    register, sessions, sign_in, through,
};

/// The scope that ends anybody's sessions.
const REVOKE: &str = "identity.sessions.revoke";

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    user_id: i64,
    keep_current: bool,
) -> Result<Response<RevokeAllSessionsResponse>, Status> {
    let request = RevokeAllSessionsRequest {
        user_id,
        keep_current,
    };
    app.identity(caller).revoke_all_sessions(request).await
}

/// Alice with three sessions, and Bob with one.
async fn start() -> (TestApp, i64, [SignedIn; 3], SignedIn) {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    register(&app, "bob").await;
    let alice = [
        sign_in(&app, "alice").await,
        sign_in(&app, "alice").await,
        sign_in(&app, "alice").await,
    ];
    let bob = sign_in(&app, "bob").await;
    (app, id, alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_session_of_the_user_ends_and_no_others() {
    let (app, id, alice, bob) = start().await;
    assert_eq!(
        answer(call(&app, &alice[1].caller, id, false).await).revoked_sessions,
        3
    );
    for ended in &alice {
        assert_eq!(
            refresh_refused(&app, &ended.refresh_token).await,
            REFRESH_TOKEN_INVALID
        );
    }
    answer(refresh(&app, &bob.refresh_token).await);
    assert_eq!(
        answer(call(&app, &alice[1].caller, id, false).await).revoked_sessions,
        0
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expired_go_too_and_are_not_counted() {
    let (app, id, alice, _) = start().await;
    execute(
        &app,
        "UPDATE identity.sessions SET expires_at = now() WHERE id = (SELECT min(id) FROM identity.sessions)",
    )
    .await;
    assert_eq!(
        answer(call(&app, &alice[1].caller, id, false).await).revoked_sessions,
        2
    );
    assert_eq!(count(&app, "identity.sessions").await, 1);
}

/// Both lock the user first. Without that, two that ended the same sessions met in the order of the table's rows, and one
/// in thousands was the other's deadlock.
// Control: a user_lock_in_txn that reads and does not lock; the call waited for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_under_way_ends_before_and_its_session_too() {
    let (app, id, alice, _) = start().await;
    let making = format!(
        "SELECT FROM identity.users WHERE id = {id} FOR SHARE;
        INSERT INTO identity.sessions (user_id, expires_at) VALUES ({id}, now() + interval '1 h')"
    );
    let making = Uncommitted::begin(&app, &making).await;
    let (call, ()) = tokio::join!(
        call(&app, &alice[0].caller, id, false),
        making.commit_under_a_waiting_call()
    );
    assert_eq!(answer(call).revoked_sessions, 4);
    assert_eq!(count(&app, "identity.sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_current_one_can_be_kept() {
    let (app, id, alice, _) = start().await;
    assert_eq!(
        answer(call(&app, &alice[1].caller, id, true).await).revoked_sessions,
        2
    );
    let left = sessions(&app, &alice[1].caller).await;
    assert_eq!(
        left.iter().map(|session| session.current).collect::<Vec<_>>(),
        [true]
    );
    answer(refresh(&app, &alice[1].refresh_token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_anybodys_and_keeps_none() {
    let (app, id, _, _) = start().await;
    let operator = app.operator(&[REVOKE]);
    assert_eq!(answer(call(&app, &operator, id, true).await).revoked_sessions, 3);
    assert_eq!(count(&app, "identity.sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_sessions_are_not_the_callers_to_end_even_through_an_operator() {
    let (app, id, _, bob) = start().await;
    let refused = refusal(call(&app, &bob.caller, id, false).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let request = RevokeAllSessionsRequest {
        user_id: id,
        keep_current: false,
    };
    let passed_on = through(&app.operator(&[REVOKE]), request);
    assert_eq!(
        refusal(app.identity(&bob.caller).revoke_all_sessions(passed_on).await),
        refused
    );
    assert_eq!(count(&app, "identity.sessions").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found_and_an_id_is_greater_than_zero() {
    let (app, _, alice, _) = start().await;
    let refused = refusal(call(&app, &alice[0].caller, 4711, false).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(
        refusal(call(&app, &app.operator(&[REVOKE]), 4711, false).await),
        refused
    );
    let refused = refusal(call(&app, &alice[0].caller, 0, false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
