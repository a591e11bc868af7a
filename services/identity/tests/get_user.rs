use kith_contracts::identity::v1::{BatchImportUsersRequest, GetUserRequest, ImportedUser, User};
use kith_testkit::{Caller, Refusal, TestApp};

use crate::support::{answer, execute, refusal};

async fn get(app: &TestApp, caller: &impl Caller, user_id: i64) -> User {
    let answer = answer(app.identity(caller).get_user(GetUserRequest { user_id }).await);
    answer.user.expect("a user")
}

async fn refused(app: &TestApp, user_id: i64) -> Refusal {
    let caller = app.operator(&[]);
    refusal(app.identity(&caller).get_user(GetUserRequest { user_id }).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_with_a_token_reads_the_same() {
    let app = TestApp::start().await;
    let import = BatchImportUsersRequest {
        users: vec![ImportedUser {
            username: "Ada.L".to_owned(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
        }],
        allow_existing: false,
    };
    let operator = app.operator(&["identity.users.import"]);
    answer(app.identity(&operator).batch_import_users(import).await);
    let other = app.user("other").await;
    let ada = get(&app, &other, other.id - 1).await;
    assert_eq!(
        (
            ada.username.as_str(),
            ada.first_name.as_str(),
            ada.last_name.as_str()
        ),
        ("Ada.L", "Ada", "Lovelace")
    );
    assert!(ada.is_active && ada.date_joined.is_some());
    let own = get(&app, &app.signed_in(ada.id, &ada.username), ada.id).await;
    let services = get(&app, &operator, ada.id).await;
    assert_eq!((&own, &services), (&ada, &ada));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_readable_and_flagged() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    execute(&app, "UPDATE identity.users SET is_active = false").await;
    let user = get(&app, &alice, alice.id).await;
    assert_eq!((user.username.as_str(), user.is_active), ("alice", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_is_named() {
    let app = TestApp::start().await;
    for id in [4711, i64::MAX] {
        let refused = refused(&app, id).await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{id}"));
        assert_eq!(refused.resource, Some(resource));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    for id in [0, -1, i64::MIN] {
        let summary = refused(&app, id).await.summary();
        assert_eq!(summary, "InvalidArgument ID_INVALID [user_id ID_INVALID]", "{id}");
    }
}
