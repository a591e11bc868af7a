use kith_contracts::identity::v1::{RevokeSessionRequest, RevokeSessionResponse};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{
    REFRESH_TOKEN_INVALID, SignedIn, answer, execute, refresh, refresh_refused, refusal, register, sessions,
    sign_in,
};

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    session_id: i64,
    allow_missing: bool,
) -> Result<Response<RevokeSessionResponse>, Status> {
    let request = RevokeSessionRequest {
        session_id,
        allow_missing,
    };
    app.identity(caller).revoke_session(request).await
}

/// The id of the caller's current session.
async fn id_of(app: &TestApp, session: &SignedIn) -> i64 {
    let current = sessions(app, &session.caller)
        .await
        .into_iter()
        .find(|session| session.current);
    current.expect("a current session").id
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_ends_and_no_other() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let (laptop, phone) = (sign_in(&app, "alice").await, sign_in(&app, "alice").await);
    let id = id_of(&app, &laptop).await;
    let ended = answer(call(&app, &phone.caller, id, false).await)
        .session
        .expect("a session");
    assert_eq!((ended.id, ended.current), (id, false));
    assert_eq!(
        refresh_refused(&app, &laptop.refresh_token).await,
        REFRESH_TOKEN_INVALID
    );
    answer(refresh(&app, &phone.refresh_token).await);
    assert_eq!(sessions(&app, &phone.caller).await.len(), 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_end_the_current_session() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let id = id_of(&app, &alice).await;
    let ended = answer(call(&app, &alice.caller, id, false).await)
        .session
        .expect("a session");
    assert_eq!((ended.id, ended.current), (id, true));
    assert_eq!(
        refresh_refused(&app, &alice.refresh_token).await,
        REFRESH_TOKEN_INVALID
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_session_is_as_one_that_is_not_there() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let id = id_of(&app, &alice).await;
    let bob = app.user("bob").await;
    let refused = refusal(call(&app, &bob, id, false).await);
    assert_eq!(refused.summary(), "NotFound SESSION_NOT_FOUND []");
    let missing = refusal(call(&app, &bob, 4711, false).await);
    let named = |id: i64| Some(("kith.identity.v1.Session".to_owned(), format!("sessions/{id}")));
    assert_eq!((&refused.resource, &missing.resource), (&named(id), &named(4711)));
    assert_eq!(
        (&refused.message, refused.summary()),
        (&missing.message, missing.summary())
    );
    answer(call(&app, &bob, id, true).await);
    answer(refresh(&app, &alice.refresh_token).await);
}

/// It is on no list any more either.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_as_one_that_is_not_there() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let id = id_of(&app, &alice).await;
    execute(&app, "UPDATE identity.sessions SET expires_at = now()").await;
    let refused = refusal(call(&app, &alice.caller, id, false).await);
    assert_eq!(refused.summary(), "NotFound SESSION_NOT_FOUND []");
    assert_eq!(answer(call(&app, &alice.caller, id, true).await).session, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_missing_a_repeat_is_a_success() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let id = id_of(&app, &alice).await;
    let first = answer(call(&app, &alice.caller, id, true).await);
    let second = answer(call(&app, &alice.caller, id, true).await);
    assert_eq!(
        (first.session.map(|session| session.id), second.session),
        (Some(id), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (id, allow_missing) in [(0, false), (-1, true)] {
        let refused = refusal(call(&app, &alice, id, allow_missing).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument ID_INVALID [session_id ID_INVALID]"
        );
    }
}
