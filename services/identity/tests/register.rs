use kith_contracts::identity::v1::RegisterRequest;
use kith_testkit::TestApp;

use crate::support::{answer, count, refusal, wide};

fn request(username: &str) -> RegisterRequest {
    RegisterRequest {
        username: username.to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    }
}

fn with_email(username: &str, email: &str) -> RegisterRequest {
    RegisterRequest {
        email: email.to_owned(),
        ..request(username)
    }
}

/// How many users, profiles and credentials there are.
async fn stored(app: &TestApp) -> [i64; 3] {
    [
        count(app, "identity.users").await,
        count(app, "identity.profiles").await,
        count(app, "identity.credentials").await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_answers_the_account_and_stores_it_with_profile_and_password() {
    let app = TestApp::start().await;
    let request = RegisterRequest {
        first_name: "Ada".to_owned(),
        ..with_email("Ada.L", "Ada@Example.org")
    };
    let account = answer(app.identity(&app.nobody()).register(request).await)
        .account
        .expect("an account");
    let user = account.user.expect("a user");
    assert_eq!(
        (user.username.as_str(), user.first_name.as_str(), user.is_active),
        ("Ada.L", "Ada", true)
    );
    assert_eq!(
        (account.email.as_str(), account.etag.as_str()),
        ("Ada@Example.org", "v1")
    );
    assert_eq!(account.update_time, user.date_joined);
    assert_eq!(stored(&app).await, [1, 1, 1]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let request = RegisterRequest {
        username: "a b".to_owned(),
        email: "nobody".to_owned(),
        password: "short".to_owned(),
        first_name: wide(151),
        last_name: "a\0".to_owned(),
    };
    let refused = refusal(app.identity(&app.nobody()).register(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_MALFORMED [username FIELD_MALFORMED, email FIELD_MALFORMED, \
         password FIELD_TOO_SHORT, first_name FIELD_TOO_LONG, last_name FIELD_CONTAINS_NUL]"
    );
    assert_eq!(
        refused.metadata["constraint"],
        "identity_users_username_characters"
    );
    assert_eq!(stored(&app).await, [0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn username_and_password_must_be_given() {
    let app = TestApp::start().await;
    let refused = refusal(
        app.identity(&app.nobody())
            .register(RegisterRequest::default())
            .await,
    );
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [username FIELD_REQUIRED, password FIELD_REQUIRED]"
    );
    assert_eq!(refused.metadata["constraint"], "identity_users_username_required");
}

/// A request whose texts are `surplus` characters longer than the longest.
fn long(surplus: usize) -> RegisterRequest {
    RegisterRequest {
        username: "a".repeat(150 + surplus),
        email: format!("{}@b", wide(252 + surplus)),
        password: wide(256 + surplus),
        first_name: wide(150 + surplus),
        last_name: wide(150 + surplus),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_count_characters_and_not_bytes() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    let refused = refusal(client.register(long(1)).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_TOO_LONG [username FIELD_TOO_LONG, email FIELD_TOO_LONG, \
         password FIELD_TOO_LONG, first_name FIELD_TOO_LONG, last_name FIELD_TOO_LONG]"
    );
    let account = answer(client.register(long(0)).await)
        .account
        .expect("an account");
    assert_eq!(account.email, long(0).email);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_differs_in_case_only_is_taken_and_nothing_of_the_second_is_stored() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    answer(client.register(request("alice")).await);
    let refused = refusal(client.register(with_email("ALICE", "alice@example.org")).await);
    assert_eq!(refused.summary(), "AlreadyExists USERNAME_TAKEN []");
    assert_eq!(refused.metadata["constraint"], "identity_users_username_key");
    assert_eq!(stored(&app).await, [1, 1, 1]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_differs_in_case_only_is_taken_and_nothing_of_the_second_is_stored() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    answer(client.register(with_email("alice", "a@example.org")).await);
    let refused = refusal(client.register(with_email("bob", "A@EXAMPLE.org")).await);
    assert_eq!(refused.summary(), "AlreadyExists EMAIL_TAKEN []");
    assert_eq!(refused.metadata["constraint"], "identity_users_email_key");
    assert_eq!(stored(&app).await, [1, 1, 1]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_have_no_address() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    for username in ["alice", "bob"] {
        let account = answer(client.register(request(username)).await).account;
        assert_eq!(account.expect("an account").email, "");
    }
    app.database.assert_invariants().await;
}
