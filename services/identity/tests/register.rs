use kith_contracts::identity::v1::RegisterRequest;
use kith_testkit::{Refusal, TestApp};

fn request(username: &str) -> RegisterRequest {
    RegisterRequest {
        username: username.to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_answers_the_account() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    let request = RegisterRequest {
        email: "Ada@Example.org".to_owned(),
        first_name: "Ada".to_owned(),
        ..request("Ada.L")
    };
    let account = client
        .register(request)
        .await
        .expect("an answer")
        .into_inner()
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
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_differs_in_case_only_is_taken() {
    let app = TestApp::start().await;
    let mut client = app.identity(&app.nobody());
    client.register(request("alice")).await.expect("an answer");
    let refused = Refusal::of(&client.register(request("ALICE")).await.expect_err("a taken name"));
    assert_eq!(refused.summary(), "AlreadyExists USERNAME_TAKEN []");
    assert_eq!(refused.metadata["constraint"], "identity_users_username_key");
}
