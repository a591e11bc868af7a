use kith_contracts::identity::v1::batch_get_users_result::Outcome;
use kith_contracts::identity::v1::user_key::Key;
use kith_contracts::identity::v1::{BatchGetUsersRequest, BatchGetUsersResponse, User, UserKey};
use kith_testkit::{Refusal, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, execute, refusal};

async fn call(app: &TestApp, keys: Vec<Option<Key>>) -> Result<Response<BatchGetUsersResponse>, Status> {
    let keys = keys.into_iter().map(|key| UserKey { key }).collect();
    let caller = app.operator(&[]);
    app.identity(&caller)
        .batch_get_users(BatchGetUsersRequest { keys })
        .await
}

/// The outcomes of keys that are all well-formed.
async fn get(app: &TestApp, keys: Vec<Key>) -> Vec<Result<User, Refusal>> {
    let keys = keys.into_iter().map(Some).collect();
    outcomes(answer(call(app, keys).await))
}

fn outcomes(answer: BatchGetUsersResponse) -> Vec<Result<User, Refusal>> {
    let outcome = |outcome| match outcome {
        Some(Outcome::User(user)) => Ok(user),
        Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
        None => panic!("an item without outcome"),
    };
    answer
        .results
        .into_iter()
        .map(|result| outcome(result.outcome))
        .collect()
}

fn name(name: &str) -> Key {
    Key::Username(name.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_stand_in_the_order_of_the_keys_whatever_names_a_user() {
    let app = TestApp::start().await;
    let users = app.users(&["Alice", "bob", "Carol"]).await;
    let keys = vec![
        name("carol"),
        Key::UserId(users[1].id),
        name("ALICE"),
        name("Carol"),
        Key::UserId(users[2].id),
        Key::UserId(users[1].id),
    ];
    let found = get(&app, keys).await;
    let found: Vec<String> = found.into_iter().flatten().map(|user| user.username).collect();
    assert_eq!(found, ["Carol", "bob", "Alice", "Carol", "Carol", "bob"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_is_found_and_flagged() {
    let app = TestApp::start().await;
    app.user("alice").await;
    execute(&app, "UPDATE identity.users SET is_active = false").await;
    let found = get(&app, vec![name("alice")]).await;
    assert!(!found[0].as_ref().expect("a user").is_active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_key_fails_alone_under_its_place() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let keys = vec![
        Some(Key::UserId(0)),
        Some(Key::UserId(alice.id)),
        None,
        Some(name("")),
        Some(name(&"a".repeat(151))),
        Some(name("a b")),
        Some(name("a\0")),
    ];
    let outcomes = outcomes(answer(call(&app, keys).await));
    let summaries: Vec<String> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(Refusal::summary).unwrap_or_default())
        .collect();
    assert_eq!(
        summaries,
        [
            "InvalidArgument ID_INVALID [keys[0].user_id ID_INVALID]",
            "",
            "InvalidArgument FIELD_REQUIRED [keys[2].key FIELD_REQUIRED]",
            "InvalidArgument FIELD_REQUIRED [keys[3].username FIELD_REQUIRED]",
            "InvalidArgument FIELD_TOO_LONG [keys[4].username FIELD_TOO_LONG]",
            "InvalidArgument FIELD_MALFORMED [keys[5].username FIELD_MALFORMED]",
            "InvalidArgument FIELD_CONTAINS_NUL [keys[6].username FIELD_CONTAINS_NUL]",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_fails_alone_and_is_named() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let keys = vec![Key::UserId(4711), name("alice"), name("Nobody")];
    let outcomes = get(&app, keys).await;
    assert_eq!(outcomes[1].as_ref().map(|user| user.id), Ok(alice.id));
    for (place, resource) in [(0, "users/4711"), (2, "users/Nobody")] {
        let refused = outcomes[place].as_ref().expect_err("nobody");
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), resource.to_owned());
        assert_eq!(refused.resource, Some(resource));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_keys_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let found = get(&app, vec![Key::UserId(alice.id); 100]).await;
    assert_eq!(found.into_iter().flatten().count(), 100);
    let refused = refusal(call(&app, vec![Some(Key::UserId(alice.id)); 101]).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [keys BATCH_TOO_LARGE]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_keys_give_no_answers() {
    let app = TestApp::start().await;
    assert_eq!(get(&app, Vec::new()).await, []);
}
