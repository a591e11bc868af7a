use kith_contracts::identity::v1::{DeleteUserRequest, WhoAmIRequest};
use kith_testkit::TestApp;

use crate::support::{answer, refusal, through};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_itself_in_its_session() {
    let app = TestApp::start().await;
    let alice = app.user("Alice").await;
    let who = answer(app.identity(&alice).who_am_i(WhoAmIRequest {}).await);
    let user = who.user.expect("a user");
    assert_eq!((user.id, user.username.as_str()), (alice.id, "Alice"));
    assert_eq!(
        (who.session_id.as_str(), who.service_id, who.scopes.len()),
        ("test-session", 0, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_nobody_but_itself_with_its_scopes_in_order() {
    let app = TestApp::start().await;
    let service = app.operator(&["posts.read", "identity.users.import", "identity.accounts.read"]);
    let who = answer(app.identity(&service).who_am_i(WhoAmIRequest {}).await);
    assert_eq!((who.user, who.session_id.as_str(), who.service_id), (None, "", 1));
    assert_eq!(
        who.scopes,
        ["identity.accounts.read", "identity.users.import", "posts.read"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_acts_for_a_user_is_named_beside_it() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let service = app.operator(&["posts.read"]);
    let request = through(&service, WhoAmIRequest {});
    let who = answer(app.identity(&alice).who_am_i(request).await);
    assert_eq!(who.user.map(|user| user.id), Some(alice.id));
    assert_eq!(
        (who.session_id.as_str(), who.service_id, who.scopes),
        ("test-session", 1, vec!["posts.read".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_deleted_user_is_good_and_its_user_gone() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut client = app.identity(&alice);
    let request = DeleteUserRequest {
        user_id: alice.id,
        allow_missing: false,
    };
    answer(client.delete_user(request).await);
    let refused = refusal(client.who_am_i(WhoAmIRequest {}).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
}
