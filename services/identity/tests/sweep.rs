//! What has had its time goes by itself.

use std::time::Duration;

use kith_testkit::{AppOptions, TestApp, Uncommitted};
use tokio::time::timeout;

use crate::support::{answer, count, execute, refresh, register, sign_in};

/// More than one batch.
const OLD: i64 = 2500;

/// What an hour ago was left behind, beside what is of use.
fn leave_behind(user: i64) -> String {
    format!(
        "WITH old AS (
            INSERT INTO identity.sessions (user_id, expires_at)
            SELECT {user}, now() - interval '1 h' FROM generate_series(1, {OLD}) RETURNING id
        )
        INSERT INTO identity.refresh_tokens (token_hash, session_id) SELECT sha256(id::text::bytea), id FROM old;
        INSERT INTO identity.throttles SELECT number, now() - interval '1 h' FROM generate_series(1, {OLD}) AS number;
        INSERT INTO identity.throttles VALUES ('empty', now() + interval '1 h')"
    )
}

async fn until_there_are(app: &TestApp, rows: i64, from: &str) {
    let there_are = async { while count(app, from).await != rows {} };
    timeout(Duration::from_secs(30), there_are)
        .await
        .unwrap_or_else(|_| panic!("never {rows} {from}"));
}

// Control: `SESSIONS` without its WHERE; the living one went.
#[tokio::test(flavor = "multi_thread")]
async fn the_expired_go_and_the_rest_stays_with_several_replicas_at_work() {
    let options = AppOptions {
        sweep_interval: Duration::from_millis(50),
        ..AppOptions::default()
    };
    let mut app = TestApp::start_with(options).await;
    app.replica().await;
    let id = register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let events = count(&app, "identity.audit_events").await;
    execute(&app, &leave_behind(id)).await;
    until_there_are(&app, 1, "identity.sessions").await;
    until_there_are(&app, 1, "identity.refresh_tokens").await;
    until_there_are(&app, 1, "identity.throttles").await;
    assert_eq!(count(&app, "identity.throttles WHERE key = 'empty'").await, 1);
    answer(refresh(&app, &alice.refresh_token).await);
    assert_eq!(count(&app, "identity.audit_events").await, events);
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
}

// Control: a batch without SKIP LOCKED; the sweep waited for the sign-out, and nothing else went.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_has_at_hand_holds_up_no_sweep() {
    let options = AppOptions {
        sweep_interval: Duration::from_millis(50),
        ..AppOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let id = register(&app, "alice").await;
    let old =
        format!("INSERT INTO identity.sessions (user_id, expires_at) VALUES ({id}, now() + interval '3 s')");
    execute(&app, &old).await;
    let held = Uncommitted::begin(&app, "SELECT FROM identity.sessions FOR UPDATE").await;
    until_there_are(&app, 1, "identity.sessions WHERE expires_at <= now()").await;
    execute(&app, &leave_behind(id)).await;
    until_there_are(&app, 1, "identity.sessions").await;
    held.commit().await;
    until_there_are(&app, 0, "identity.sessions").await;
}
