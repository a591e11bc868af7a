use std::collections::BTreeSet;

use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::{
    AuthenticateRequest, BatchImportUsersRequest, BatchImportUsersResponse, ImportedUser, User,
    authenticate_request,
};
use kith_testkit::{Refusal, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, count, refusal, wide};

type Called = Result<Response<BatchImportUsersResponse>, Status>;

async fn call(app: &TestApp, users: Vec<ImportedUser>, allow_existing: bool) -> Called {
    let request = BatchImportUsersRequest {
        users,
        allow_existing,
    };
    let operator = app.operator(&["identity.users.import"]);
    app.identity(&operator).batch_import_users(request).await
}

/// The user of an item and whether it was there before, or its refusal.
type Imported = Result<(User, bool), Refusal>;

async fn import(app: &TestApp, users: Vec<ImportedUser>, allow_existing: bool) -> Vec<Imported> {
    let results = answer(call(app, users, allow_existing).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::User(user)) => Ok((user, result.existing)),
            Some(Outcome::Error(error)) => Err(Refusal::of_item(&error)),
            None => panic!("an item without outcome"),
        })
        .collect()
}

fn named(username: &str) -> ImportedUser {
    ImportedUser {
        username: username.to_owned(),
        ..Default::default()
    }
}

fn all_named(usernames: &[&str]) -> Vec<ImportedUser> {
    usernames.iter().map(|username| named(username)).collect()
}

/// Each item in a word or two.
fn sketch(imported: &[Imported]) -> Vec<String> {
    let word = |item: &Imported| match item {
        Ok((user, false)) => user.username.clone(),
        Ok((user, true)) => format!("{} existing", user.username),
        Err(refused) => refused.summary(),
    };
    imported.iter().map(word).collect()
}

const TAKEN: &str = "AlreadyExists USERNAME_TAKEN []";

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_in_the_order_of_the_request_with_profiles_and_without_passwords() {
    let app = TestApp::start().await;
    let ada = ImportedUser {
        first_name: "Ada".to_owned(),
        last_name: wide(150),
        ..named("zoe")
    };
    let imported = import(&app, vec![ada.clone(), named("Bob"), named("amy")], false).await;
    assert_eq!(sketch(&imported), ["zoe", "Bob", "amy"]);
    let (user, _) = imported[0].as_ref().expect("a user");
    assert_eq!(
        (&user.first_name, &user.last_name),
        (&ada.first_name, &ada.last_name)
    );
    assert!(user.is_active && user.id > 0 && user.date_joined.is_some());
    assert_eq!(count(&app, "identity.profiles").await, 3);
    assert_eq!(count(&app, "identity.credentials").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_names_that_differ_in_case_only_the_first_wins() {
    let app = TestApp::start().await;
    let imported = import(&app, all_named(&["Ada", "bob", "ADA", "ada"]), false).await;
    assert_eq!(sketch(&imported), ["Ada", "bob", TAKEN, TAKEN]);
    let refused = imported[2].as_ref().expect_err("a taken name");
    assert_eq!(refused.metadata["constraint"], "identity_users_username_key");
    let imported = import(&app, all_named(&["Eve", "eve"]), true).await;
    assert_eq!(sketch(&imported), ["Eve", "Eve existing"]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_allow_existing_the_user_that_has_the_name_is_answered_unchanged() {
    let app = TestApp::start().await;
    let first = import(&app, vec![named("Ada")], false).await.remove(0);
    let (ada, _) = first.expect("a user");
    let other = ImportedUser {
        first_name: "another".to_owned(),
        ..named("aDA")
    };
    let imported = import(&app, vec![named("new"), other], true).await;
    assert_eq!(sketch(&imported), ["new", "Ada existing"]);
    assert_eq!(imported[1], Ok((ada, true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_makes_nothing_anew() {
    let app = TestApp::start().await;
    let names = ["ada", "bob"];
    let first = import(&app, all_named(&names), true).await;
    let second = import(&app, all_named(&names), true).await;
    for (first, second) in first.iter().flatten().zip(second.iter().flatten()) {
        assert_eq!(second, &(first.0.clone(), true));
    }
    let strict = import(&app, all_named(&names), false).await;
    assert_eq!(sketch(&strict), [TAKEN, TAKEN]);
    assert_eq!(count(&app, "identity.users").await, 2);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_item_fails_alone_with_every_broken_rule_under_its_place() {
    let app = TestApp::start().await;
    let bad = ImportedUser {
        username: "a b".to_owned(),
        first_name: wide(151),
        last_name: "\0".to_owned(),
    };
    let imported = import(
        &app,
        vec![
            named("ada"),
            bad,
            named(""),
            named(&"a".repeat(151)),
            named("bob"),
        ],
        false,
    )
    .await;
    assert_eq!(
        sketch(&imported),
        [
            "ada",
            "InvalidArgument FIELD_MALFORMED [users[1].username FIELD_MALFORMED, \
             users[1].first_name FIELD_TOO_LONG, users[1].last_name FIELD_CONTAINS_NUL]",
            "InvalidArgument FIELD_REQUIRED [users[2].username FIELD_REQUIRED]",
            "InvalidArgument FIELD_TOO_LONG [users[3].username FIELD_TOO_LONG]",
            "bob",
        ]
    );
    assert_eq!(count(&app, "identity.users").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_users_pass_and_one_more_does_not() {
    let app = TestApp::start().await;
    let mut users: Vec<_> = (0..1001).map(|number| named(&format!("u{number}"))).collect();
    let refused = refusal(call(&app, users.clone(), false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument BATCH_TOO_LARGE [users BATCH_TOO_LARGE]"
    );
    assert_eq!(count(&app, "identity.users").await, 0);
    users.pop();
    let imported = import(&app, users.clone(), false).await;
    let names: Vec<ImportedUser> = sketch(&imported).iter().map(|name| named(name)).collect();
    assert_eq!(names, users);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_users_give_no_answers() {
    let app = TestApp::start().await;
    assert_eq!(import(&app, Vec::new(), false).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_user_cannot_sign_in() {
    let app = TestApp::start().await;
    import(&app, vec![named("ada")], false).await;
    let request = AuthenticateRequest {
        identifier: Some(authenticate_request::Identifier::Username("ada".to_owned())),
        ..Default::default()
    };
    let refused = refusal(app.identity(&app.nobody()).authenticate(request).await);
    assert_eq!(refused.summary(), "Unauthenticated CREDENTIALS_INVALID []");
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_of_the_same_names_in_opposite_order_make_each_once_without_a_deadlock() {
    let mut app = TestApp::start().await;
    let forth: Vec<_> = (0..1000).map(|number| named(&format!("u{number}"))).collect();
    let back: Vec<_> = forth.iter().rev().cloned().collect();
    let (one, other) = tokio::join!(import(&app, forth, true), import(&app, back, true));
    let made = |imported: &[Imported]| {
        imported
            .iter()
            .flatten()
            .filter(|(_, existing)| !existing)
            .count()
    };
    assert_eq!(made(&one) + made(&other), 1000);
    let ids = |imported: Vec<Imported>| -> BTreeSet<i64> {
        imported.into_iter().flatten().map(|(user, _)| user.id).collect()
    };
    let ids = (ids(one), ids(other));
    assert_eq!((ids.0.len(), &ids.0), (1000, &ids.1));
    app.shut_down().await;
    assert_eq!(app.database.deadlocks().await, 0);
    app.database.assert_invariants().await;
}
