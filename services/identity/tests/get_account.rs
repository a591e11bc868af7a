use kith_contracts::identity::v1::{Account, GetAccountRequest, GetAccountResponse, RegisterRequest};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, refusal, through};

/// The scope that reads anybody's account.
const READ: &str = "identity.accounts.read";

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    user_id: i64,
) -> Result<Response<GetAccountResponse>, Status> {
    let request = GetAccountRequest { user_id };
    app.identity(caller).get_account(request).await
}

async fn register_with_email(app: &TestApp) -> Account {
    let request = RegisterRequest {
        username: "alice".to_owned(),
        email: "Alice@Example.org".to_owned(),
        password: "correct horse".to_owned(),
        ..Default::default()
    };
    let answer = answer(app.identity(&app.nobody()).register(request).await);
    answer.account.expect("an account")
}

#[tokio::test(flavor = "multi_thread")]
async fn its_owner_and_an_operator_read_the_account_with_its_address() {
    let app = TestApp::start().await;
    let registered = register_with_email(&app).await;
    let id = registered.user.as_ref().expect("a user").id;
    let own = answer(call(&app, &app.signed_in(id, "alice"), id).await).account;
    let read = answer(call(&app, &app.operator(&[READ]), id).await).account;
    assert_eq!(registered.email, "Alice@Example.org");
    assert_eq!(
        (own.as_ref(), read.as_ref()),
        (Some(&registered), Some(&registered))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_it_is_empty() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let account = answer(call(&app, &alice, alice.id).await)
        .account
        .expect("an account");
    assert_eq!((account.email.as_str(), account.etag.as_str()), ("", "v1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_account_is_not_the_callers_to_read_even_through_an_operator() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let refused = refusal(call(&app, &users[1], users[0].id).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let request = GetAccountRequest { user_id: users[0].id };
    let passed_on = through(&app.operator(&[READ]), request);
    let again = refusal(app.identity(&users[1]).get_account(passed_on).await);
    assert_eq!(again, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_not_found_for_users_and_operators_alike() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 4711).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let resource = ("kith.identity.v1.User".to_owned(), "users/4711".to_owned());
    assert_eq!(refused.resource, Some(resource));
    assert_eq!(refusal(call(&app, &app.operator(&[READ]), 4711).await), refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, &app.operator(&[READ]), 0).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
