use kith_contracts::identity::v1::{ChangePasswordRequest, ChangePasswordResponse};
use kith_testkit::{Caller, TestApp};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{
    PASSWORD, REFRESH_TOKEN_INVALID, answer, authenticate, count, refresh, refresh_refused, refusal,
    register, sessions, sign_in,
};

const NEW: &str = "battery staple";
const REFUSED: &str = "Unauthenticated CREDENTIALS_INVALID []";

async fn change(
    app: &TestApp,
    caller: &impl Caller,
    old: &str,
    new: &str,
) -> Result<Response<ChangePasswordResponse>, Status> {
    let request = ChangePasswordRequest {
        old_password: old.to_owned(),
        new_password: new.to_owned(),
    };
    app.identity(caller).change_password(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_password_signs_in_and_the_old_one_no_longer() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    answer(change(&app, &alice.caller, PASSWORD, NEW).await);
    answer(authenticate(&app, "alice", NEW).await);
    let refused = refusal(authenticate(&app, "alice", PASSWORD).await);
    assert_eq!(refused.summary(), REFUSED);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_other_sessions_end_and_the_current_one_lives() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    register(&app, "bob").await;
    let (one, current, three) = (
        sign_in(&app, "alice").await,
        sign_in(&app, "alice").await,
        sign_in(&app, "alice").await,
    );
    let bob = sign_in(&app, "bob").await;
    let answered = answer(change(&app, &current.caller, PASSWORD, NEW).await);
    assert_eq!(answered.revoked_sessions, 2);
    for ended in [&one, &three] {
        assert_eq!(
            refresh_refused(&app, &ended.refresh_token).await,
            REFRESH_TOKEN_INVALID
        );
    }
    for living in [&current, &bob] {
        answer(refresh(&app, &living.refresh_token).await);
    }
    let left = sessions(&app, &current.caller).await;
    assert_eq!(
        left.iter().map(|session| session.current).collect::<Vec<_>>(),
        [true]
    );
}

/// As those that `kith token` signs.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_of_no_session_all_sessions_end() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    sign_in(&app, "alice").await;
    let answered = answer(change(&app, &app.signed_in(id, "alice"), PASSWORD, NEW).await);
    assert_eq!(answered.revoked_sessions, 1);
    assert_eq!(count(&app, "identity.sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_old_password_changes_nothing() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    sign_in(&app, "alice").await;
    for wrong in ["", "wrong horse", "Correct horse", &"a".repeat(257), NEW] {
        let refused = refusal(change(&app, &alice.caller, wrong, NEW).await);
        assert_eq!(refused.summary(), REFUSED, "{wrong}");
    }
    assert_eq!(sessions(&app, &alice.caller).await.len(), 2);
    answer(authenticate(&app, "alice", PASSWORD).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_password_or_that_is_gone_has_none_to_change() {
    let app = TestApp::start().await;
    let imported = app.user("imported").await;
    for caller in [&imported, &app.signed_in(4711, "gone")] {
        for old in ["", PASSWORD] {
            let refused = refusal(change(&app, caller, old, NEW).await);
            assert_eq!(refused.summary(), REFUSED);
        }
    }
    assert_eq!(count(&app, "identity.credentials").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_password_has_8_to_256_characters() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    for (new, reason) in [
        ("", "FIELD_REQUIRED"),
        ("éééé éé", "FIELD_TOO_SHORT"),
        (&"é".repeat(257), "FIELD_TOO_LONG"),
        ("correct\0horse", "FIELD_CONTAINS_NUL"),
    ] {
        let refused = refusal(change(&app, &alice.caller, PASSWORD, new).await);
        assert_eq!(
            refused.summary(),
            format!("InvalidArgument {reason} [new_password {reason}]")
        );
    }
    let longest = "é".repeat(256);
    answer(change(&app, &alice.caller, PASSWORD, &longest).await);
    answer(authenticate(&app, "alice", &longest).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let refused = refusal(change(&app, &app.user("alice").await, "\0", "short").await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_CONTAINS_NUL [old_password FIELD_CONTAINS_NUL, new_password FIELD_TOO_SHORT]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_at_the_same_time_exactly_one_wins() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let mut calls = JoinSet::new();
    for new in ["password one", "password two"] {
        let mut client = app.identity(&alice.caller);
        let request = ChangePasswordRequest {
            old_password: PASSWORD.to_owned(),
            new_password: new.to_owned(),
        };
        calls.spawn(async move { (new, client.change_password(request).await) });
    }
    let outcomes = calls.join_all().await;
    assert_eq!(outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count(), 1);
    for (new, outcome) in outcomes {
        let won = outcome.is_ok();
        if !won {
            assert_eq!(refusal(outcome).summary(), REFUSED);
        }
        assert_eq!(authenticate(&app, "alice", new).await.is_ok(), won, "{new}");
    }
}
