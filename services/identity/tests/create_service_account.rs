use std::collections::BTreeSet;

use futures::future::join_all;
use kith_contracts::identity::v1::{CreateServiceAccountRequest, CreateServiceAccountResponse};
use kith_rpc::Methods;
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{MANAGE, answer, audited, count, execute, issue, refusal, rows_with, service_account};

async fn call(
    app: &TestApp,
    name: &str,
    scopes: &[&str],
) -> Result<Response<CreateServiceAccountResponse>, Status> {
    let request = CreateServiceAccountRequest {
        name: name.to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    app.identity(&app.operator(MANAGE))
        .create_service_account(request)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_its_scopes_sorted_and_each_once() {
    let app = TestApp::start().await;
    let scopes = [
        "identity.users.import",
        "identity.accounts.read",
        "identity.users.import",
    ];
    let (account, _) = service_account(&app, "feed-2", &scopes).await;
    assert_eq!(account.name, "feed-2");
    assert_eq!(
        account.scopes,
        ["identity.accounts.read", "identity.users.import"]
    );
    assert_eq!(account.secret_update_time, account.create_time);
    assert_eq!(account.revoke_time, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_says_what_it_is_and_gets_tokens() {
    let app = TestApp::start().await;
    let (_, secret) = service_account(&app, "feed", &[]).await;
    assert_eq!(secret.strip_prefix("kiths_").map(str::len), Some(43));
    answer(issue(&app, "feed", &secret).await);
    let (_, other) = service_account(&app, "search", &[]).await;
    assert_ne!(secret, other);
}

/// Tokens that are signed by hand are `service:1`.
#[tokio::test(flavor = "multi_thread")]
async fn no_account_is_called_as_the_operator_at_a_terminal() {
    let app = TestApp::start().await;
    assert_eq!(service_account(&app, "feed", &[]).await.0.id, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scope_of_the_contracts_can_be_given_by_whoever_has_none_of_them() {
    let app = TestApp::start().await;
    let methods = Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
    let all: BTreeSet<String> = methods.scopes();
    let scopes: Vec<&str> = all.iter().map(String::as_str).collect();
    let (account, _) = service_account(&app, "everything", &scopes).await;
    assert_eq!(account.scopes, scopes);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_and_each_unknown_scope_by_its_place() {
    let app = TestApp::start().await;
    let scopes = ["identity.users.import", "identity.users.imports", ""];
    let refused = refusal(call(&app, "A feed", &scopes).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_MALFORMED [name FIELD_MALFORMED, scopes[1] SCOPE_UNKNOWN, scopes[2] SCOPE_UNKNOWN]"
    );
    assert_eq!(refused.metadata.get("scope"), None);
    assert_eq!(count(&app, "identity.service_accounts").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_unknown_scope_stands_in_the_metadata() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, "feed", &["identity.users.imports"]).await);
    assert_eq!(refused.metadata["scope"], "identity.users.imports");
    let refused = refusal(call(&app, "feed", &["a".repeat(101).as_str()]).await);
    assert_eq!(refused.metadata["scope"], format!("{}...", "a".repeat(100)));
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_wrong_scopes_are_told_and_more_are_too_many() {
    let app = TestApp::start().await;
    let long = "😀".repeat(1000);
    let refused = refusal(call(&app, "feed", &[long.as_str(); 50]).await);
    assert_eq!(
        (refused.reason.as_str(), refused.fields.len()),
        ("SCOPE_UNKNOWN", 50)
    );
    let refused = refusal(call(&app, "feed", &[long.as_str(); 51]).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [scopes BATCH_TOO_LARGE]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_once_even_if_its_account_is_revoked() {
    let app = TestApp::start().await;
    let (_, secret) = service_account(&app, "feed", &[]).await;
    for revoked_at in ["NULL", "now()"] {
        execute(
            &app,
            &format!("UPDATE identity.service_accounts SET revoked_at = {revoked_at}"),
        )
        .await;
        let refused = refusal(call(&app, "feed", &["identity.users.import"]).await);
        assert_eq!(refused.summary(), "AlreadyExists SERVICE_ACCOUNT_EXISTS []");
        assert_eq!(
            refused.metadata["constraint"],
            "identity_service_accounts_name_key"
        );
    }
    execute(&app, "UPDATE identity.service_accounts SET revoked_at = NULL").await;
    answer(issue(&app, "feed", &secret).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_creations_at_the_same_moment_one_wins_and_only_its_secret_is_good() {
    let app = TestApp::start().await;
    let calls = join_all((0..8).map(|_| call(&app, "feed", &[]))).await;
    let (won, lost): (Vec<_>, Vec<_>) = calls.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    for call in lost {
        assert_eq!(refusal(call).reason, "SERVICE_ACCOUNT_EXISTS");
    }
    for call in won {
        answer(issue(&app, "feed", &answer(call).secret).await);
    }
    // What was refused left no event either.
    let events = "identity.audit_events WHERE type = 'SERVICE_ACCOUNT_CREATED'";
    assert_eq!(count(&app, events).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_who_made_it() {
    let app = TestApp::start().await;
    let (account, _) = service_account(&app, "feed", &[]).await;
    let subject = format!("serviceAccounts/{}", account.id);
    assert_eq!(
        audited(&app, &subject).await,
        ["SERVICE_ACCOUNT_CREATED service:1 1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_has_the_hash_of_a_secret_and_nowhere_the_secret() {
    let app = TestApp::start().await;
    let (_, secret) = service_account(&app, "feed", &[]).await;
    let random = secret.trim_start_matches("kiths_");
    // The 32 bytes that the secret spells.
    let spelt = format!("decode(translate('{random}=', '-_', '+/'), 'base64')");
    assert_eq!(rows_with(&app, &format!("lower('{random}')")).await, 0);
    assert_eq!(rows_with(&app, &format!("encode('{random}', 'hex')")).await, 0);
    assert_eq!(rows_with(&app, &format!("encode({spelt}, 'hex')")).await, 0);
    assert_eq!(
        rows_with(&app, &format!("encode(sha256('{secret}'), 'hex')")).await,
        1
    );
}
