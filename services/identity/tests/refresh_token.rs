use kith_contracts::identity::v1::{RefreshTokenRequest, RefreshTokenResponse, WhoAmIRequest};
use kith_testkit::TestApp;

use crate::support::{
    REFRESH_TOKEN_INVALID, SignedIn, Uncommitted, answer, bearer, count, execute, instant, refresh,
    refresh_refused, refusal, register, rows_with, sessions, sign_in,
};

const ALREADY_ROTATED: &str = "Unauthenticated TOKEN_ALREADY_ROTATED []";
const REUSED: &str = "Unauthenticated REFRESH_TOKEN_REUSED []";

/// An app, and Alice who has signed in.
async fn start() -> (TestApp, SignedIn) {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    (app, alice)
}

async fn refreshed(app: &TestApp, token: &str) -> RefreshTokenResponse {
    answer(refresh(app, token).await)
}

/// Lets time pass for the tokens that were exchanged.
async fn later(app: &TestApp, seconds: u32) {
    let back = format!("UPDATE identity.refresh_tokens SET rotated_at = rotated_at - interval '{seconds} s'");
    execute(app, &back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_an_access_token_of_the_same_session() {
    let (app, alice) = start().await;
    let answered = refreshed(&app, &alice.refresh_token).await;
    let before = answer(app.identity(&alice.caller).who_am_i(WhoAmIRequest {}).await);
    let caller = bearer(answered.access_token);
    assert_eq!(
        answer(app.identity(&caller).who_am_i(WhoAmIRequest {}).await),
        before
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refresh_gives_the_token_of_the_next() {
    let (app, alice) = start().await;
    let mut token = alice.refresh_token;
    for _ in 0..3 {
        let next = refreshed(&app, &token).await.refresh_token;
        assert_ne!(next, token);
        token = next;
    }
    assert_eq!(sessions(&app, &alice.caller).await.len(), 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_moves_the_times_of_its_session_but_not_its_beginning() {
    let (app, alice) = start().await;
    let back = "UPDATE identity.sessions SET created_at = created_at - interval '30 min',
        refreshed_at = refreshed_at - interval '20 min', expires_at = expires_at - interval '20 min'";
    execute(&app, back).await;
    let before = sessions(&app, &alice.caller).await.remove(0);
    let answered = refreshed(&app, &alice.refresh_token).await;
    let after = sessions(&app, &alice.caller).await.remove(0);
    assert_eq!(after.create_time, before.create_time);
    assert!(instant(after.refresh_time).0 >= instant(before.refresh_time).0 + 1200);
    assert!(instant(after.expire_time).0 >= instant(before.expire_time).0 + 1200);
    assert_eq!(answered.refresh_expire_time, after.expire_time);
    assert_eq!(instant(after.expire_time).0 - instant(after.refresh_time).0, 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_was_given_is_invalid() {
    let (app, alice) = start().await;
    let token = &alice.refresh_token;
    let longer = format!("{token}A");
    for unknown in [
        "a",
        " ",
        "a\0b",
        "😀",
        &token[1..],
        &longer,
        &token.to_uppercase(),
    ] {
        assert_eq!(
            refresh_refused(&app, unknown).await,
            REFRESH_TOKEN_INVALID,
            "{unknown:?}"
        );
    }
    let access_token = refreshed(&app, token).await.access_token;
    assert_eq!(refresh_refused(&app, &access_token).await, REFRESH_TOKEN_INVALID);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_must_be_given() {
    let app = TestApp::start().await;
    let refused = refresh_refused(&app, "").await;
    assert_eq!(
        refused,
        "InvalidArgument FIELD_REQUIRED [refresh_token FIELD_REQUIRED]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_expired_session_is_invalid() {
    let (app, alice) = start().await;
    execute(&app, "UPDATE identity.sessions SET expires_at = now()").await;
    assert_eq!(
        refresh_refused(&app, &alice.refresh_token).await,
        REFRESH_TOKEN_INVALID
    );
    assert_eq!(sessions(&app, &alice.caller).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_inactive_user_is_invalid() {
    let (app, alice) = start().await;
    execute(&app, "UPDATE identity.users SET is_active = false").await;
    assert_eq!(
        refresh_refused(&app, &alice.refresh_token).await,
        REFRESH_TOKEN_INVALID
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_exchange_within_ten_seconds_is_refused_and_the_session_lives() {
    let (app, alice) = start().await;
    let next = refreshed(&app, &alice.refresh_token).await.refresh_token;
    assert_eq!(refresh_refused(&app, &alice.refresh_token).await, ALREADY_ROTATED);
    later(&app, 5).await;
    assert_eq!(refresh_refused(&app, &alice.refresh_token).await, ALREADY_ROTATED);
    refreshed(&app, &next).await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_reuse_has_ended_the_session_when_its_refusal_arrives() {
    let (app, alice) = start().await;
    let other = sign_in(&app, "alice").await;
    let next = refreshed(&app, &alice.refresh_token).await.refresh_token;
    later(&app, 10).await;
    assert_eq!(refresh_refused(&app, &alice.refresh_token).await, REUSED);
    assert_eq!(count(&app, "identity.sessions").await, 1);
    assert_eq!(count(&app, "identity.refresh_tokens").await, 1);
    for ended in [&next, &alice.refresh_token] {
        assert_eq!(refresh_refused(&app, ended).await, REFRESH_TOKEN_INVALID);
    }
    refreshed(&app, &other.refresh_token).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reuse_of_any_earlier_token_ends_the_session() {
    let (app, alice) = start().await;
    let second = refreshed(&app, &alice.refresh_token).await.refresh_token;
    let third = refreshed(&app, &second).await.refresh_token;
    later(&app, 10).await;
    let fourth = refreshed(&app, &third).await.refresh_token;
    assert_eq!(refresh_refused(&app, &alice.refresh_token).await, REUSED);
    assert_eq!(refresh_refused(&app, &fourth).await, REFRESH_TOKEN_INVALID);
    assert_eq!(count(&app, "identity.sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_waits_for_the_end_of_its_session_and_is_refused_after_it() {
    let (app, alice) = start().await;
    let end = Uncommitted::begin(&app, "DELETE FROM identity.sessions").await;
    let (call, ()) = tokio::join!(
        refresh(&app, &alice.refresh_token),
        end.commit_under_a_waiting_call()
    );
    assert_eq!(refusal(call).summary(), REFRESH_TOKEN_INVALID);
    assert_eq!(count(&app, "identity.refresh_tokens").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_has_the_hash_of_a_token_and_nowhere_the_token() {
    let (app, alice) = start().await;
    let second = refreshed(&app, &alice.refresh_token).await.refresh_token;
    for token in [alice.refresh_token, second] {
        // The 32 bytes that the token spells.
        let spelt = format!("decode(translate('{token}=', '-_', '+/'), 'base64')");
        assert_eq!(rows_with(&app, &format!("lower('{token}')")).await, 0);
        assert_eq!(rows_with(&app, &format!("encode('{token}', 'hex')")).await, 0);
        assert_eq!(rows_with(&app, &format!("encode({spelt}, 'hex')")).await, 0);
        assert_eq!(
            rows_with(&app, &format!("encode(sha256('{token}'), 'hex')")).await,
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_no_caller() {
    let (app, alice) = start().await;
    let bob = app.user("bob").await;
    let request = RefreshTokenRequest {
        refresh_token: alice.refresh_token.clone(),
    };
    answer(app.identity(&bob).refresh_token(request.clone()).await);
    let again = refusal(app.identity(&bob).refresh_token(request).await);
    assert_eq!(again.summary(), ALREADY_ROTATED);
}
