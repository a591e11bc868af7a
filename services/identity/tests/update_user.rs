use kith_contracts::identity::v1::{
    Account, DeleteUserRequest, SearchUsersRequest, UpdateUserRequest, UpdateUserResponse,
};
use kith_identity::{Limit, ThrottleSettings};
use kith_testkit::{AppOptions, TestApp, TestUser};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::support::{
    PASSWORD, account, answer, authenticate, instant, mask, refusal, register, through, wide,
};

type Called = Result<Response<UpdateUserResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, request: UpdateUserRequest) -> Called {
    app.identity(caller).update_user(request).await
}

async fn update(app: &TestApp, user: &TestUser, request: UpdateUserRequest) -> Account {
    answer(call(app, user, request).await)
        .account
        .expect("an account")
}

async fn refused(app: &TestApp, caller: &TestUser, request: UpdateUserRequest) -> String {
    refusal(call(app, caller, request).await).summary()
}

/// Names the user and sets nothing.
fn of(user: &TestUser) -> UpdateUserRequest {
    UpdateUserRequest {
        user_id: user.id,
        ..Default::default()
    }
}

/// Sets every field.
fn full(user: &TestUser) -> UpdateUserRequest {
    UpdateUserRequest {
        username: Some("countess".to_owned()),
        email: Some("Ada@example.org".to_owned()),
        first_name: Some("Ada".to_owned()),
        last_name: Some("Lovelace".to_owned()),
        ..of(user)
    }
}

fn with_username(user: &TestUser, username: &str) -> UpdateUserRequest {
    UpdateUserRequest {
        username: Some(username.to_owned()),
        ..of(user)
    }
}

fn with_email(user: &TestUser, email: &str) -> UpdateUserRequest {
    UpdateUserRequest {
        email: Some(email.to_owned()),
        ..of(user)
    }
}

fn with_first_name(user: &TestUser, first_name: &str) -> UpdateUserRequest {
    UpdateUserRequest {
        first_name: Some(first_name.to_owned()),
        ..of(user)
    }
}

/// Username, email address, first and last name.
fn texts(account: &Account) -> [&str; 4] {
    let user = account.user.as_ref().expect("a user");
    [&user.username, &account.email, &user.first_name, &user.last_name]
}

const FULL: [&str; 4] = ["countess", "Ada@example.org", "Ada", "Lovelace"];

/// An app with a user all of whose fields are set.
async fn start() -> (TestApp, TestUser) {
    let app = TestApp::start().await;
    let ada = app.user("ada").await;
    let updated = update(&app, &ada, full(&ada)).await;
    assert_eq!(texts(&updated), FULL);
    (app, ada)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_is_read_again() {
    let (app, ada) = start().await;
    let changed = update(&app, &ada, with_first_name(&ada, "Augusta")).await;
    assert_eq!(account(&app, &ada).await, changed);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mask_what_is_absent_stays_and_what_is_empty_is_cleared() {
    let (app, ada) = start().await;
    let changed = update(&app, &ada, with_first_name(&ada, "")).await;
    assert_eq!(texts(&changed), [FULL[0], FULL[1], "", FULL[3]]);
    let changed = update(&app, &ada, with_email(&ada, "")).await;
    assert_eq!(texts(&changed), [FULL[0], "", "", FULL[3]]);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_sets_what_it_names_and_clears_what_is_absent() {
    let (app, ada) = start().await;
    let request = UpdateUserRequest {
        update_mask: mask(&["email", "last_name"]),
        ..with_first_name(&ada, "Augusta")
    };
    assert_eq!(
        texts(&update(&app, &ada, request).await),
        [FULL[0], "", FULL[2], ""]
    );
    let request = UpdateUserRequest {
        update_mask: mask(&["first_name", "first_name"]),
        ..with_first_name(&ada, "Augusta")
    };
    assert_eq!(
        texts(&update(&app, &ada, request).await),
        [FULL[0], "", "Augusta", ""]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_star_is_every_field_and_a_username_cannot_be_cleared() {
    let (app, ada) = start().await;
    let all = |request| UpdateUserRequest {
        update_mask: mask(&["*"]),
        ..request
    };
    let summary = refused(&app, &ada, all(with_first_name(&ada, "Augusta"))).await;
    assert_eq!(
        summary,
        "InvalidArgument FIELD_REQUIRED [username FIELD_REQUIRED]"
    );
    let changed = update(&app, &ada, all(with_username(&ada, "augusta"))).await;
    assert_eq!(texts(&changed), ["augusta", "", "", ""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_mask_leaves_out_are_not_looked_at() {
    let (app, ada) = start().await;
    let request = UpdateUserRequest {
        username: Some("not a name".to_owned()),
        update_mask: mask(&["first_name"]),
        ..with_first_name(&ada, "Augusta")
    };
    assert_eq!(
        texts(&update(&app, &ada, request).await),
        [FULL[0], FULL[1], "Augusta", FULL[3]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_names_fields_that_can_be_set_and_at_least_one() {
    let (app, ada) = start().await;
    let before = account(&app, &ada).await;
    let masks = [
        mask(&["email", "is_active"]),
        mask(&["user_id"]),
        mask(&["account.email"]),
        mask(&[""]),
    ];
    let wrong = masks.map(|update_mask| UpdateUserRequest {
        update_mask,
        ..full(&ada)
    });
    let nothing = [mask(&[]), None].map(|update_mask| UpdateUserRequest {
        update_mask,
        ..of(&ada)
    });
    for request in wrong.into_iter().chain(nothing) {
        let mask = request.update_mask.clone();
        let summary = refused(&app, &ada, request).await;
        assert_eq!(
            summary, "InvalidArgument FIELD_MASK_INVALID [update_mask FIELD_MASK_INVALID]",
            "{mask:?}"
        );
    }
    assert_eq!(account(&app, &ada).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_change_the_case_of_ones_own_names() {
    let (app, ada) = start().await;
    let changed = update(&app, &ada, with_username(&ada, "Countess")).await;
    assert_eq!(texts(&changed)[0], "Countess");
    let changed = update(&app, &ada, with_email(&ada, "ADA@example.org")).await;
    assert_eq!(texts(&changed)[1], "ADA@example.org");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_of_others_are_taken_in_any_case() {
    let (app, ada) = start().await;
    let bob = app.user("bob").await;
    let username = refused(&app, &bob, with_username(&bob, "COUNTESS")).await;
    let email = refused(&app, &bob, with_email(&bob, "ada@EXAMPLE.org")).await;
    assert_eq!(username, "AlreadyExists USERNAME_TAKEN []");
    assert_eq!(email, "AlreadyExists EMAIL_TAKEN []");
    assert_eq!(account(&app, &bob).await.etag, "v1");
    update(&app, &ada, with_username(&ada, "another")).await;
    update(&app, &bob, with_username(&bob, "COUNTESS")).await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_with_the_current_etag_passes_and_with_an_old_one_does_not() {
    let (app, ada) = start().await;
    let etag = account(&app, &ada).await.etag;
    let wish = |first_name| UpdateUserRequest {
        etag: etag.clone(),
        ..with_first_name(&ada, first_name)
    };
    let first = update(&app, &ada, wish("Augusta")).await;
    assert_ne!(first.etag, etag);
    assert_eq!(
        refused(&app, &ada, wish("Byron")).await,
        "Aborted ETAG_MISMATCH []"
    );
    assert_eq!(account(&app, &ada).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_updates_with_one_etag_exactly_one_passes() {
    let (app, ada) = start().await;
    let etag = account(&app, &ada).await.etag;
    let mut calls = JoinSet::new();
    for number in 0..8 {
        let mut client = app.identity(&ada);
        let request = UpdateUserRequest {
            etag: etag.clone(),
            ..with_first_name(&ada, &format!("Ada {number}"))
        };
        calls.spawn(async move { client.update_user(request).await });
    }
    let (passed, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), 1);
    for call in refused {
        assert_eq!(refusal(call).summary(), "Aborted ETAG_MISMATCH []");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_one_name_exactly_one_gets_it() {
    let app = TestApp::start().await;
    let users = app.users(&["a", "b", "c", "d", "e", "f"]).await;
    let mut calls = JoinSet::new();
    for user in users {
        let mut client = app.identity(&user);
        calls.spawn(async move { client.update_user(with_username(&user, "wanted")).await });
    }
    let (passed, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(passed.len(), 1);
    for call in refused {
        assert_eq!(refusal(call).summary(), "AlreadyExists USERNAME_TAKEN []");
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_etag_move_only_when_something_really_changes() {
    let (app, ada) = start().await;
    let before = account(&app, &ada).await;
    assert_eq!(update(&app, &ada, full(&ada)).await, before);
    let changed = update(&app, &ada, with_first_name(&ada, "Augusta")).await;
    assert!(instant(changed.update_time) > instant(before.update_time) && changed.etag != before.etag);
    let joined = |account: &Account| instant(account.user.as_ref().and_then(|user| user.date_joined));
    assert_eq!(joined(&changed), joined(&before));
}

/// The ids of whom a search finds.
async fn search(app: &TestApp, query: &str) -> Vec<i64> {
    let request = SearchUsersRequest {
        query: query.to_owned(),
        ..Default::default()
    };
    let users = answer(app.identity(&app.operator(&[])).search_users(request).await).users;
    users.into_iter().map(|user| user.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_finds_the_new_names_and_no_longer_the_old() {
    let (app, ada) = start().await;
    update(&app, &ada, with_first_name(&ada, "Augusta")).await;
    update(&app, &ada, with_username(&ada, "enchantress")).await;
    for new in ["augusta", "augusta lovelace", "enchantress", "lovelace"] {
        assert_eq!(search(&app, new).await, [ada.id], "{new}");
    }
    for old in ["ada", "countess"] {
        assert_eq!(search(&app, old).await, [0; 0], "{old}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signs_in_with_the_new_name_and_no_longer_with_the_old() {
    let app = TestApp::start().await;
    let alice = app.signed_in(register(&app, "alice").await, "alice");
    update(&app, &alice, with_username(&alice, "alicia")).await;
    answer(authenticate(&app, "alicia", PASSWORD).await);
    let refused = refusal(authenticate(&app, "alice", PASSWORD).await);
    assert_eq!(refused.summary(), "Unauthenticated CREDENTIALS_INVALID []");
}

#[tokio::test(flavor = "multi_thread")]
async fn anothers_account_is_not_the_callers_to_change_even_through_a_service() {
    let (app, ada) = start().await;
    let bob = app.user("bob").await;
    let refused = refusal(call(&app, &bob, with_first_name(&ada, "Bob")).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    let passed_on = through(
        &app.operator(&["identity.accounts.read"]),
        with_first_name(&ada, "Bob"),
    );
    assert_eq!(refusal(app.identity(&bob).update_user(passed_on).await), refused);
    assert_eq!(texts(&account(&app, &ada).await), FULL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_not_there_cannot_be_changed() {
    let (app, ada) = start().await;
    let request = DeleteUserRequest {
        user_id: ada.id,
        allow_missing: false,
    };
    answer(app.identity(&ada).delete_user(request).await);
    let bob = app.user("bob").await;
    for caller in [&ada, &bob] {
        assert_eq!(
            refused(&app, caller, full(&ada)).await,
            "NotFound USER_NOT_FOUND []"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let request = UpdateUserRequest {
        user_id: -1,
        username: Some("a b".to_owned()),
        email: Some("nobody".to_owned()),
        first_name: Some(wide(151)),
        last_name: Some("a\0".to_owned()),
        update_mask: mask(&["nothing"]),
        etag: "?".to_owned(),
    };
    assert_eq!(
        refused(&app, &alice, request).await,
        "InvalidArgument ID_INVALID [user_id ID_INVALID, username FIELD_MALFORMED, email FIELD_MALFORMED, \
         first_name FIELD_TOO_LONG, last_name FIELD_CONTAINS_NUL, update_mask FIELD_MASK_INVALID, \
         etag FIELD_MALFORMED]"
    );
}

/// Whoever has an account could otherwise ask, as often as it likes, whose addresses have one, too.
#[tokio::test(flavor = "multi_thread")]
async fn changes_that_tell_what_is_taken_count_as_registrations_do() {
    let throttles = ThrottleSettings {
        register_by_caller: Limit::parse("2/1h").expect("a limit"),
        ..ThrottleSettings::default()
    };
    let options = AppOptions {
        throttles,
        ..AppOptions::default()
    };
    let app = TestApp::start_with(options).await;
    let alice = app.user("alice").await;
    let with_email = |email: &str| UpdateUserRequest {
        email: Some(email.to_owned()),
        ..of(&alice)
    };
    update(&app, &alice, with_email("ada@example.org")).await;
    update(&app, &alice, with_username(&alice, "ada")).await;
    for request in [with_email("bob@example.org"), with_username(&alice, "bob")] {
        assert_eq!(
            refused(&app, &alice, request).await,
            "ResourceExhausted THROTTLED []"
        );
    }
    let renamed = UpdateUserRequest {
        first_name: Some("Ada".to_owned()),
        ..of(&alice)
    };
    update(&app, &alice, renamed).await;
}
