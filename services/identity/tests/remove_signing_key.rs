use kith_contracts::identity::v1::{RemoveSigningKeyRequest, RemoveSigningKeyResponse, SigningKeyState};
use kith_testkit::{AppOptions, TestApp};
use tonic::{Response, Status};

use crate::rotate_signing_key::{MANAGE, rotate};
use crate::signing_keys::{KeyFile, audited, let_time_pass, listed, new_keys, signer_of, who_am_i};
use crate::support::{answer, count, refusal, register, sign_in};

/// Whether it is an emergency.
const PLANNED: bool = false;
const EMERGENCY: bool = true;

pub(crate) async fn remove(
    app: &TestApp,
    key_id: &str,
    emergency: bool,
) -> Result<Response<RemoveSigningKeyResponse>, Status> {
    let request = RemoveSigningKeyRequest {
        key_id: key_id.to_owned(),
        emergency,
    };
    let operator = app.operator(&[MANAGE]);
    app.identity(&operator).remove_signing_key(request).await
}

async fn app_with(keys: usize) -> (TestApp, Vec<String>) {
    let (signing_keys, ids) = new_keys(keys);
    let options = AppOptions {
        signing_keys: Some(signing_keys),
        ..Default::default()
    };
    (TestApp::start_with(options).await, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_never_signed_goes_at_once() {
    let (app, ids) = app_with(2).await;
    let keys = answer(remove(&app, &ids[1], PLANNED).await).keys;
    assert_eq!((keys.len(), keys[0].key_id.as_str()), (1, ids[0].as_str()));
    assert_eq!(listed(&app).await, keys);
}

// Control: `tokens_end_in` always `None`; the key went while its tokens lived.
#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_goes_once_its_tokens_have_ended() {
    let (app, ids) = app_with(2).await;
    let_time_pass(&app, "published_at", "2 minutes").await;
    answer(rotate(&app).await);
    let refused = refusal(remove(&app, &ids[0], PLANNED).await);
    assert_eq!(refused.summary(), "FailedPrecondition SIGNING_KEY_IN_USE []");
    assert!(
        refused.retry && refused.message.contains("may live for 61 min more"),
        "{refused:?}"
    );

    let_time_pass(&app, "retired_at", "61 minutes").await;
    let keys = answer(remove(&app, &ids[0], PLANNED).await).keys;
    assert_eq!((keys.len(), keys[0].key_id.as_str()), (1, ids[1].as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_active_key_goes_only_in_an_emergency() {
    let (app, ids) = app_with(2).await;
    let refused = refusal(remove(&app, &ids[0], PLANNED).await);
    assert_eq!(refused.summary(), "FailedPrecondition SIGNING_KEY_IN_USE []");
    assert!(!refused.retry);
    assert_eq!(
        refused.resource.map(|(_, name)| name),
        Some(format!("signingKeys/{}", ids[0]))
    );
    assert_eq!(listed(&app).await[0].key_id, ids[0]);
}

// Control: `adopt` left out of the handler; the token was taken.
#[tokio::test(flavor = "multi_thread")]
async fn in_an_emergency_the_next_key_signs_at_once_and_the_bad_ones_tokens_are_refused() {
    let (app, ids) = app_with(2).await;
    register(&app, "alice").await;
    let stolen = sign_in(&app, "alice").await.caller;
    // Published a moment ago.
    let keys = answer(remove(&app, &ids[0], EMERGENCY).await).keys;
    assert_eq!((keys.len(), keys[0].key_id.as_str()), (1, ids[1].as_str()));
    assert_eq!(keys[0].state(), SigningKeyState::Active);

    assert_eq!(
        refusal(who_am_i(&app, &stolen).await).summary(),
        "Unauthenticated TOKEN_INVALID []"
    );
    let new = sign_in(&app, "alice").await.caller;
    assert_eq!(signer_of(&new), ids[1]);
    who_am_i(&app, &new).await.expect("a good token");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_key_stays_even_in_an_emergency() {
    let (app, ids) = app_with(1).await;
    let refused = refusal(remove(&app, &ids[0], EMERGENCY).await);
    assert_eq!(refused.summary(), "FailedPrecondition SIGNING_KEY_NOT_READY []");
    assert_eq!(listed(&app).await[0].key_id, ids[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_key_goes_at_once_in_an_emergency() {
    let (app, ids) = app_with(2).await;
    let_time_pass(&app, "published_at", "2 minutes").await;
    answer(rotate(&app).await);
    let keys = answer(remove(&app, &ids[0], EMERGENCY).await).keys;
    assert_eq!((keys.len(), keys[0].key_id.as_str()), (1, ids[1].as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_alike_and_told_in_the_log_once() {
    let (app, ids) = app_with(2).await;
    let first = answer(remove(&app, &ids[1], PLANNED).await);
    for emergency in [PLANNED, EMERGENCY] {
        assert_eq!(answer(remove(&app, &ids[1], emergency).await), first);
    }
    let removed: Vec<_> = audited(&app).await.into_iter().skip(3).collect();
    let event = (
        "SIGNING_KEY_REMOVED".to_owned(),
        "service:1".to_owned(),
        format!("signingKeys/{}", ids[1]),
    );
    assert_eq!(removed, [event]);
}

// Control: `on_conflict_do_nothing` made an update of removed_at; the key was back.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_never_comes_back_although_it_is_mounted() {
    let file = KeyFile::new("removed", 2);
    let (app, ids) = file.app().await;
    answer(remove(&app, &ids[1], PLANNED).await);
    // Once the third is published, the second has been looked at again too.
    let (_, third) = file.write(<[_]>::to_vec, 1);
    file.published(&app, &third[0]).await;
    let keys = listed(&app).await;
    assert!(keys.iter().all(|key| key.key_id != ids[1]), "{keys:?}");
    assert_eq!(
        count(&app, "identity.signing_keys WHERE removed_at IS NOT NULL").await,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_not_found_and_the_id_is_required() {
    let (app, _) = app_with(1).await;
    let refused = refusal(remove(&app, "nobody's", EMERGENCY).await);
    assert_eq!(refused.summary(), "NotFound SIGNING_KEY_NOT_FOUND []");
    let refused = refusal(remove(&app, "", PLANNED).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [key_id FIELD_REQUIRED]"
    );
}
