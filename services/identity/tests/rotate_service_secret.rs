use futures::future::join_all;
use kith_contracts::identity::v1::{
    RevokeServiceAccountRequest, RotateServiceSecretRequest, RotateServiceSecretResponse, ServiceAccount,
};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{
    CREDENTIALS_INVALID, MANAGE, Uncommitted, answer, audited, count, execute, instant, issue, refusal,
    service_account,
};

async fn call(app: &TestApp, id: i64) -> Result<Response<RotateServiceSecretResponse>, Status> {
    let request = RotateServiceSecretRequest {
        service_account_id: id,
    };
    app.identity(&app.operator(MANAGE))
        .rotate_service_secret(request)
        .await
}

/// Whether `secret` gets a token.
async fn is_good(app: &TestApp, secret: &str) -> bool {
    match issue(app, "feed", secret).await {
        Ok(_) => true,
        call => {
            assert_eq!(refusal(call).summary(), CREDENTIALS_INVALID);
            false
        }
    }
}

/// An app with a service account, and its secret.
async fn start() -> (TestApp, ServiceAccount, String) {
    let app = TestApp::start().await;
    let (account, secret) = service_account(&app, "feed", &["identity.users.import"]).await;
    (app, account, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_secret_is_good_and_the_old_one_void_at_once() {
    let (app, before, old) = start().await;
    let rotated = answer(call(&app, before.id).await);
    assert!(is_good(&app, &rotated.secret).await);
    assert!(!is_good(&app, &old).await);
    let after = rotated.service_account.expect("an account");
    assert!(instant(after.secret_update_time) > instant(before.secret_update_time));
    assert_eq!(
        ServiceAccount {
            secret_update_time: before.secret_update_time,
            ..after
        },
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_keeps_its_secret() {
    let (app, _, secret) = start().await;
    let (other, _) = service_account(&app, "search", &[]).await;
    answer(call(&app, other.id).await);
    assert!(is_good(&app, &secret).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_there_has_no_secret() {
    let (app, account, _) = start().await;
    let missing = account.id + 1;
    let refused = refusal(call(&app, missing).await);
    assert_eq!(refused.summary(), "NotFound SERVICE_ACCOUNT_NOT_FOUND []");
    let named = (
        "kith.identity.v1.ServiceAccount".to_owned(),
        format!("serviceAccounts/{missing}"),
    );
    assert_eq!(refused.resource, Some(named));
    assert_eq!(
        refusal(call(&app, 0).await).summary(),
        "InvalidArgument ID_INVALID [service_account_id ID_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_one_gets_no_new_secret() {
    let (app, account, _) = start().await;
    execute(&app, "UPDATE identity.service_accounts SET revoked_at = now()").await;
    let refused = refusal(call(&app, account.id).await);
    assert_eq!(refused.summary(), "FailedPrecondition SERVICE_ACCOUNT_REVOKED []");
    let events = "identity.audit_events WHERE type = 'SERVICE_SECRET_ROTATED'";
    assert_eq!(count(&app, events).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_rotated_it() {
    let (app, account, _) = start().await;
    answer(call(&app, account.id).await);
    let subject = format!("serviceAccounts/{}", account.id);
    assert_eq!(
        audited(&app, &subject).await,
        [
            "SERVICE_ACCOUNT_CREATED service:1 1",
            "SERVICE_SECRET_ROTATED service:1 1"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rotations_at_the_same_moment_the_last_one_counts() {
    let (app, account, _) = start().await;
    let calls = join_all((0..8).map(|_| call(&app, account.id))).await;
    let mut rotated: Vec<RotateServiceSecretResponse> = calls.into_iter().map(answer).collect();
    rotated.sort_by_key(|answer| {
        let account = answer.service_account.as_ref();
        instant(account.and_then(|account| account.secret_update_time))
    });
    let last = rotated.pop().expect("eight");
    assert!(is_good(&app, &last.secret).await);
    for earlier in rotated {
        assert!(!is_good(&app, &earlier.secret).await);
    }
}

// Control: an update whose WHERE leaves out revoked_at.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_waits_for_a_revocation_and_is_refused_after_it() {
    let (app, account, _) = start().await;
    let revoke = "UPDATE identity.service_accounts SET revoked_at = now()";
    let revoke = Uncommitted::begin(&app, revoke).await;
    let (call, ()) = tokio::join!(call(&app, account.id), revoke.commit_under_a_waiting_call());
    assert_eq!(refusal(call).reason, "SERVICE_ACCOUNT_REVOKED");
}

// Control: an update whose WHERE leaves out revoked_at, and a proof that does.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_meets_a_revocation_no_secret_is_good_after_it() {
    let (app, account, secret) = start().await;
    let revoke = async {
        let request = RevokeServiceAccountRequest {
            service_account_id: account.id,
        };
        let mut identity = app.identity(&app.operator(MANAGE));
        answer(identity.revoke_service_account(request).await)
    };
    let rotations = join_all((0..8).map(|_| call(&app, account.id)));
    let (_, rotations) = tokio::join!(revoke, rotations);
    let mut secrets = vec![secret];
    for rotation in rotations {
        match rotation {
            Ok(answer) => secrets.push(answer.into_inner().secret),
            call => assert_eq!(refusal(call).reason, "SERVICE_ACCOUNT_REVOKED"),
        }
    }
    for secret in secrets {
        assert!(!is_good(&app, &secret).await);
    }
}
