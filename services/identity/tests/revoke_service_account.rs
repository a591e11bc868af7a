use futures::future::join_all;
use kith_contracts::identity::v1::{
    RevokeServiceAccountRequest, RevokeServiceAccountResponse, ServiceAccount, WhoAmIRequest,
};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{
    CREDENTIALS_INVALID, MANAGE, Uncommitted, answer, audited, bearer, instant, issue, refusal,
    service_account,
};

async fn call(app: &TestApp, id: i64) -> Result<Response<RevokeServiceAccountResponse>, Status> {
    let request = RevokeServiceAccountRequest {
        service_account_id: id,
    };
    app.identity(&app.operator(MANAGE))
        .revoke_service_account(request)
        .await
}

async fn revoked(app: &TestApp, id: i64) -> ServiceAccount {
    answer(call(app, id).await).service_account.expect("an account")
}

/// An app with a service account, and its secret.
async fn start() -> (TestApp, ServiceAccount, String) {
    let app = TestApp::start().await;
    let (account, secret) = service_account(&app, "feed", &["identity.users.import"]).await;
    (app, account, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_account_says_when_and_is_as_it_was_otherwise() {
    let (app, before, _) = start().await;
    let after = revoked(&app, before.id).await;
    assert!(instant(after.revoke_time) > instant(before.create_time));
    assert_eq!(
        ServiceAccount {
            revoke_time: None,
            ..after
        },
        before
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gets_no_more_tokens_and_those_it_has_live_to_their_end() {
    let (app, account, secret) = start().await;
    let token = answer(issue(&app, "feed", &secret).await).access_token;
    revoked(&app, account.id).await;
    assert_eq!(
        refusal(issue(&app, "feed", &secret).await).summary(),
        CREDENTIALS_INVALID
    );
    let who = answer(app.identity(&bearer(token)).who_am_i(WhoAmIRequest {}).await);
    assert_eq!(who.service_id, account.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_stays() {
    let (app, _, secret) = start().await;
    let (other, _) = service_account(&app, "search", &[]).await;
    revoked(&app, other.id).await;
    answer(issue(&app, "feed", &secret).await);
}

// Control: an update whose WHERE leaves out revoked_at.
#[tokio::test(flavor = "multi_thread")]
async fn repeating_keeps_the_first_time_and_leaves_one_event() {
    let (app, account, _) = start().await;
    let first = revoked(&app, account.id).await;
    assert_eq!(revoked(&app, account.id).await, first);
    let subject = format!("serviceAccounts/{}", account.id);
    assert_eq!(
        audited(&app, &subject).await,
        [
            "SERVICE_ACCOUNT_CREATED service:1 1",
            "SERVICE_ACCOUNT_REVOKED service:1 1"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn revocations_at_the_same_moment_answer_one_time() {
    let (app, account, _) = start().await;
    let times: Vec<_> = join_all((0..8).map(|_| revoked(&app, account.id))).await;
    assert!(times.iter().all(|account| *account == times[0]), "{times:?}");
    let subject = format!("serviceAccounts/{}", account.id);
    assert_eq!(audited(&app, &subject).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_waits_for_a_rotation_and_ends_the_new_secret_too() {
    let (app, account, _) = start().await;
    let rotate = "UPDATE identity.service_accounts SET secret_hash = sha256('new')";
    let rotate = Uncommitted::begin(&app, rotate).await;
    let (call, ()) = tokio::join!(call(&app, account.id), rotate.commit_under_a_waiting_call());
    answer(call);
    assert_eq!(
        refusal(issue(&app, "feed", "new").await).summary(),
        CREDENTIALS_INVALID
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_there_cannot_be_revoked() {
    let (app, account, _) = start().await;
    assert_eq!(
        refusal(call(&app, account.id + 1).await).summary(),
        "NotFound SERVICE_ACCOUNT_NOT_FOUND []"
    );
    assert_eq!(
        refusal(call(&app, -1).await).summary(),
        "InvalidArgument ID_INVALID [service_account_id ID_INVALID]"
    );
}
