use kith_contracts::identity::v1::{RotateSigningKeyRequest, RotateSigningKeyResponse, SigningKeyState};
use kith_testkit::{AppOptions, Caller, TestApp};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::signing_keys::{KeyFile, audited, let_time_pass, listed, new_keys, signer_of, who_am_i};
use crate::support::{answer, count, refusal, register, sign_in};

/// The scope of the RPC.
pub(crate) const MANAGE: &str = "identity.keys.manage";

pub(crate) async fn rotate(app: &TestApp) -> Result<Response<RotateSigningKeyResponse>, Status> {
    let operator = app.operator(&[MANAGE]);
    let mut client = app.identity(&operator);
    client.rotate_signing_key(RotateSigningKeyRequest {}).await
}

/// An app with this many keys, the first active and the others ready to sign.
async fn app_with(keys: usize) -> (TestApp, Vec<String>) {
    let (signing_keys, ids) = new_keys(keys);
    let options = AppOptions {
        signing_keys: Some(signing_keys),
        ..Default::default()
    };
    let app = TestApp::start_with(options).await;
    let_time_pass(&app, "published_at", "2 minutes").await;
    (app, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_published_key_signs_and_the_old_one_verifies_on() {
    let (app, ids) = app_with(3).await;
    register(&app, "alice").await;
    let before = sign_in(&app, "alice").await.caller;
    assert_eq!(signer_of(&before), ids[0]);

    let keys = answer(rotate(&app).await).keys;
    let states: Vec<_> = keys.iter().map(|key| (key.key_id.clone(), key.state())).collect();
    let state = |index: usize, state| (ids[index].clone(), state);
    assert_eq!(
        states,
        [
            state(1, SigningKeyState::Active),
            state(2, SigningKeyState::Published),
            state(0, SigningKeyState::Retired)
        ]
    );
    assert_eq!(keys, listed(&app).await);
    assert_eq!(signer_of(&sign_in(&app, "alice").await.caller), ids[1]);
    who_am_i(&app, &before).await.expect("a good token");
}

// Control: `ready_in` always `None`; the key signed before the other services knew it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_published_a_moment_ago_is_not_ready() {
    let (signing_keys, _) = new_keys(2);
    let options = AppOptions {
        signing_keys: Some(signing_keys),
        ..Default::default()
    };
    let app = TestApp::start_with(options).await;
    let refused = refusal(rotate(&app).await);
    assert_eq!(refused.summary(), "FailedPrecondition SIGNING_KEY_NOT_READY []");
    assert!(
        refused.retry && refused.message.contains(" it is ready in "),
        "{refused:?}"
    );

    let_time_pass(&app, "published_at", "119 seconds").await;
    let refused = refusal(rotate(&app).await);
    assert!(refused.message.contains("it is ready in 1 s,"), "{refused:?}");
    let_time_pass(&app, "published_at", "1 second").await;
    answer(rotate(&app).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_published_key_nothing_changes() {
    let (app, _) = app_with(1).await;
    let before = listed(&app).await;
    let refused = refusal(rotate(&app).await);
    assert_eq!(refused.summary(), "FailedPrecondition SIGNING_KEY_NOT_READY []");
    assert!(!refused.retry);
    assert_eq!(listed(&app).await, before);
}

// Control: `next_key` without its look at what is held; the unmounted key became the active one.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_mounted_no_more_never_signs() {
    let file = KeyFile::new("unmounted", 2);
    let (app, ids) = file.app().await;
    let (_, third) = file.write(|old| vec![old[0].clone()], 1);
    file.published(&app, &third[0]).await;
    let_time_pass(&app, "published_at", "2 minutes").await;
    let keys = answer(rotate(&app).await).keys;
    assert_eq!(keys[0].key_id, third[0]);
    let lost = keys
        .iter()
        .find(|key| key.key_id == ids[1])
        .expect("still listed");
    assert_eq!(lost.state(), SigningKeyState::Published);
}

// Control: `signing_keys_lock_in_txn` without its statement; six rotated, to the same key.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_operators_at_once_as_many_rotate_as_there_are_keys() {
    let (app, ids) = app_with(3).await;
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        let mut client = app.identity(&app.operator(&[MANAGE]));
        calls.spawn(async move { client.rotate_signing_key(RotateSigningKeyRequest {}).await });
    }
    let (done, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (2, 6));
    for call in refused {
        assert_eq!(
            refusal(call).summary(),
            "FailedPrecondition SIGNING_KEY_NOT_READY []"
        );
    }
    assert_eq!(listed(&app).await[0].key_id, ids[2]);
    assert_eq!(
        count(&app, "identity.signing_keys WHERE retired_at IS NULL").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_rotated_to_which_key() {
    let (app, ids) = app_with(2).await;
    answer(rotate(&app).await);
    let events = audited(&app).await;
    let event = |event_type: &str, actor: &str, key: usize| {
        (
            event_type.to_owned(),
            actor.to_owned(),
            format!("signingKeys/{}", ids[key]),
        )
    };
    assert_eq!(
        events,
        [
            event("SIGNING_KEY_PUBLISHED", "", 0),
            event("SIGNING_KEY_PUBLISHED", "", 1),
            event("SIGNING_KEY_ROTATED", "", 0),
            event("SIGNING_KEY_ROTATED", "service:1", 1),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_an_operator_with_the_scope() {
    let (app, _) = app_with(2).await;
    let alice = app.user("alice").await;
    let call = |caller| {
        let mut client = app.identity(&caller);
        async move { refusal(client.rotate_signing_key(RotateSigningKeyRequest {}).await).summary() }
    };
    let user = kith_testkit::Bearer(alice.token().cloned());
    assert_eq!(call(user).await, "PermissionDenied CALLER_NOT_ALLOWED []");
    assert_eq!(
        call(app.operator(&["a.b"])).await,
        "PermissionDenied SCOPE_MISSING []"
    );
}
