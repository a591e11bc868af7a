use std::time::SystemTime;

use kith_contracts::identity::v1::{
    BatchImportUsersRequest, ListUsersRequest, ServiceAccount, WhoAmIRequest,
};
use kith_testkit::TestApp;

use crate::support::{
    CREDENTIALS_INVALID, Uncommitted, answer, bearer, execute, issue, refusal, service_account, through,
};

const IMPORT: &str = "identity.users.import";

/// An app with a service account, and its secret.
async fn start() -> (TestApp, ServiceAccount, String) {
    let app = TestApp::start().await;
    let (account, secret) = service_account(&app, "feed", &[IMPORT]).await;
    (app, account, secret)
}

/// Whole seconds since 1970, as tokens count them.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("after 1970").as_secs().try_into().expect("seconds")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_the_services_with_its_scopes_and_no_others() {
    let (app, account, secret) = start().await;
    let issued = answer(issue(&app, "feed", &secret).await);
    assert_eq!(issued.service_account, Some(account.clone()));
    let mut identity = app.identity(&bearer(issued.access_token));
    let who = answer(identity.who_am_i(WhoAmIRequest {}).await);
    assert_eq!(
        (who.service_id, who.scopes, who.user),
        (account.id, vec![IMPORT.to_owned()], None)
    );
    answer(
        identity
            .batch_import_users(BatchImportUsersRequest::default())
            .await,
    );
    let refused = refusal(identity.list_users(ListUsersRequest::default()).await);
    assert_eq!(refused.reason, "SCOPE_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_users_token_it_passes_on_the_users_calls() {
    let (app, account, secret) = start().await;
    let alice = app.user("alice").await;
    let service = bearer(answer(issue(&app, "feed", &secret).await).access_token);
    let who = answer(
        app.identity(&alice)
            .who_am_i(through(&service, WhoAmIRequest {}))
            .await,
    );
    assert_eq!(
        (who.user.map(|user| user.id), who.service_id),
        (Some(alice.id), account.id)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_gives_a_token_of_its_own_for_sixty_minutes() {
    let (app, _, secret) = start().await;
    let began = now();
    let [one, other] = [(); 2].map(|()| issue(&app, "feed", &secret));
    let (one, other) = (answer(one.await), answer(other.await));
    assert_ne!(one.access_token, other.access_token);
    for issued in [one, other] {
        let end = issued.expire_time.expect("an end");
        assert!((began + 3600..=now() + 3600).contains(&end.seconds), "{end}");
    }
}

// Control: a proof whose WHERE leaves out revoked_at.
#[tokio::test(flavor = "multi_thread")]
async fn all_who_are_refused_get_the_same_answer() {
    let (app, _, secret) = start().await;
    let (_, others) = service_account(&app, "search", &[]).await;
    service_account(&app, "revoked", &[]).await;
    let revoke = "UPDATE identity.service_accounts SET revoked_at = now(), secret_hash = sha256('known')
        WHERE name = 'revoked'";
    execute(&app, revoke).await;
    let (longer, long_name) = (format!("{secret}A"), "a".repeat(10_000));
    let refused = [
        ("feed", others.as_str()),
        ("feed", ""),
        ("feed", "a\0b"),
        ("feed", longer.as_str()),
        ("feed", secret.trim_start_matches("kiths_")),
        ("search", secret.as_str()),
        ("revoked", "known"),
        ("revoked", "unknown"),
        ("nobody", secret.as_str()),
        ("FEED", secret.as_str()),
        (" feed", secret.as_str()),
        (long_name.as_str(), secret.as_str()),
    ];
    let mut answers = Vec::new();
    for (name, secret) in refused {
        answers.push(refusal(issue(&app, name, secret).await));
    }
    assert_eq!(answers[0].summary(), CREDENTIALS_INVALID);
    for (answer, (name, _)) in answers.iter().zip(refused) {
        assert_eq!(*answer, answers[0], "{name}");
    }
    answer(issue(&app, "feed", &secret).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_must_be_given() {
    let (app, _, secret) = start().await;
    for (name, reason) in [("", "FIELD_REQUIRED"), ("a\0b", "FIELD_CONTAINS_NUL")] {
        assert_eq!(
            refusal(issue(&app, name, &secret).await).summary(),
            format!("InvalidArgument {reason} [name {reason}]")
        );
    }
}

// Control: a token that is issued as of the moment when it is signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_tokens_life_counts_from_before_its_account_was_looked_at() {
    let (app, _, secret) = start().await;
    let lock = "LOCK TABLE identity.service_accounts IN ACCESS EXCLUSIVE MODE";
    let mut lock = Uncommitted::begin(&app, lock).await;
    let (began, call) = (now(), issue(&app, "feed", &secret));
    let next_second = async {
        lock.until_somebody_waits().await;
        let waited = now();
        while now() <= waited {
            tokio::task::yield_now().await;
        }
        lock.commit().await;
        waited
    };
    let (issued, waited) = tokio::join!(call, next_second);
    let end = answer(issued).expire_time.expect("an end").seconds;
    assert!((began + 3600..=waited + 3600).contains(&end), "{end}");
}
