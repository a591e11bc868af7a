use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kith_contracts::identity::v1::authenticate_request::Identifier::{self, Email, Username};
use kith_contracts::identity::v1::{
    AuthenticateRequest, AuthenticateResponse, RegisterRequest, WhoAmIRequest,
};
use kith_testkit::{Bearer, Refusal, TestApp};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::{Response, Status};

use crate::support::{Uncommitted, answer, count, execute, refusal, wide};

const PASSWORD: &str = "correct horse";

fn request(identifier: Identifier, password: &str) -> AuthenticateRequest {
    AuthenticateRequest {
        identifier: Some(identifier),
        password: password.to_owned(),
        device_label: String::new(),
    }
}

async fn authenticate(
    app: &TestApp,
    identifier: Identifier,
    password: &str,
) -> Result<Response<AuthenticateResponse>, Status> {
    let request = request(identifier, password);
    app.identity(&app.nobody()).authenticate(request).await
}

async fn register(app: &TestApp, username: &str) -> i64 {
    let request = RegisterRequest {
        username: username.to_owned(),
        email: format!("{username}@example.org"),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let account = answer(app.identity(&app.nobody()).register(request).await).account;
    account.and_then(|account| account.user).expect("a user").id
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_address_count_in_any_case() {
    let app = TestApp::start().await;
    let id = register(&app, "Alice").await;
    for identifier in [
        Username("Alice".to_owned()),
        Username("aLICE".to_owned()),
        Email("alice@EXAMPLE.org".to_owned()),
    ] {
        let user = answer(authenticate(&app, identifier, PASSWORD).await).user;
        let user = user.expect("a user");
        assert_eq!((user.id, user.username.as_str()), (id, "Alice"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_the_users_in_a_session_of_its_own() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let token = answer(authenticate(&app, Username("alice".to_owned()), PASSWORD).await).access_token;
        let caller = Bearer(Some(token.into()));
        let who = answer(app.identity(&caller).who_am_i(WhoAmIRequest {}).await);
        assert_eq!(who.user.map(|user| user.id), Some(id));
        sessions.push(who.session_id);
    }
    assert_ne!(sessions[0], sessions[1]);
}

fn seconds_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the year 292 billion")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_ends_after_five_minutes() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let before = seconds_now();
    let answer = answer(authenticate(&app, Username("alice".to_owned()), PASSWORD).await);
    let end = answer.expire_time.expect("a time").seconds;
    assert!((before + 300..=seconds_now() + 300).contains(&end), "{end}");
}

async fn refused(app: &TestApp, identifier: Identifier, password: &str) -> Refusal {
    refusal(authenticate(app, identifier, password).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cause_is_refused_in_the_same_words() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    register(&app, "idle").await;
    app.user("imported").await;
    execute(
        &app,
        "UPDATE identity.users SET is_active = false WHERE username = 'idle'",
    )
    .await;
    let name = |name: &str| Username(name.to_owned());
    let wrong = refused(&app, name("alice"), "wrong horse").await;
    assert_eq!(wrong.summary(), "Unauthenticated CREDENTIALS_INVALID []");
    for (identifier, password) in [
        (name("alice"), ""),
        (name("alice"), "correct horse "),
        (name("nobody"), PASSWORD),
        (name("imported"), PASSWORD),
        (name("imported"), ""),
        (name("idle"), PASSWORD),
        (name(""), PASSWORD),
        (name(&"a".repeat(151)), PASSWORD),
        (name("alice "), PASSWORD),
        (name("alice@example.org"), PASSWORD),
        (Email("nobody@example.org".to_owned()), PASSWORD),
        (Email(String::new()), PASSWORD),
        (Email("alice".to_owned()), PASSWORD),
        (
            Email(format!("{}@example.org", "a".repeat(254))),
            &"a".repeat(257),
        ),
    ] {
        let other = refused(&app, identifier.clone(), password).await;
        assert_eq!(other, wrong, "{identifier:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_somebody_must_be_given() {
    let app = TestApp::start().await;
    let request = AuthenticateRequest {
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let refused = refusal(app.identity(&app.nobody()).authenticate(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_REQUIRED [identifier FIELD_REQUIRED]"
    );
}

/// Also before anybody has proved to be a user.
#[tokio::test(flavor = "multi_thread")]
async fn the_label_of_a_device_has_at_most_a_hundred_characters() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    for (username, password) in [("alice", PASSWORD), ("nobody", "wrong horse")] {
        let request = AuthenticateRequest {
            device_label: wide(101),
            ..request(Username(username.to_owned()), password)
        };
        let refused = refusal(app.identity(&app.nobody()).authenticate(request).await);
        assert_eq!(
            refused.summary(),
            "InvalidArgument FIELD_TOO_LONG [device_label FIELD_TOO_LONG]"
        );
        assert_eq!(
            refused.metadata["constraint"],
            "identity_sessions_device_label_length"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nul_characters_are_told_by_field() {
    let app = TestApp::start().await;
    let refused = refused(&app, Email("a\0@b".to_owned()), "\0").await;
    assert_eq!(
        refused.summary(),
        "InvalidArgument FIELD_CONTAINS_NUL [email FIELD_CONTAINS_NUL, password FIELD_CONTAINS_NUL]"
    );
}

/// What ends all sessions must not miss the one of a sign-in that verified its password just before.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_waits_for_a_change_of_its_account_and_is_refused_after_it() {
    let app = TestApp::start().await;
    for (username, change) in [
        ("inactive", "UPDATE identity.users SET is_active = false"),
        ("gone", "DELETE FROM identity.users"),
        (
            "changed",
            "UPDATE identity.credentials SET password_hash = '$argon2id$another'",
        ),
    ] {
        register(&app, username).await;
        let change = Uncommitted::begin(&app, change).await;
        let sign_in = authenticate(&app, Username(username.to_owned()), PASSWORD);
        let (call, ()) = tokio::join!(sign_in, change.commit_under_a_waiting_call());
        assert_eq!(
            refusal(call).summary(),
            "Unauthenticated CREDENTIALS_INVALID []",
            "{username}"
        );
        assert_eq!(count(&app, "identity.sessions").await, 0, "{username}");
    }
}

/// There are more calls than passwords are hashed at once: while the first is answered, others wait for their turn. Where
/// they are through before the account goes, nothing is seen, and others try again.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_goes_while_its_password_is_verified_is_refused_in_the_same_words() {
    let app = TestApp::start().await;
    for change in [
        "DELETE FROM identity.users",
        "UPDATE identity.users SET is_active = false",
    ] {
        let late = async {
            let mut round = 0;
            while !somebody_is_late(&app, &format!("user{round}"), change).await {
                execute(&app, "DELETE FROM identity.users").await;
                round += 1;
            }
        };
        timeout(Duration::from_secs(60), late)
            .await
            .expect("somebody who is late");
    }
}

/// Whether the account goes while some wait for it; all who are refused must be told the same.
async fn somebody_is_late(app: &TestApp, username: &str, change: &str) -> bool {
    register(app, username).await;
    let mut calls = JoinSet::new();
    for _ in 0..40 {
        let mut client = app.identity(&app.nobody());
        let request = request(Username(username.to_owned()), PASSWORD);
        calls.spawn(async move { client.authenticate(request).await });
    }
    answer(calls.join_next().await.expect("a call").expect("no panic"));
    execute(app, change).await;
    let late = calls.join_all().await;
    let refused: Vec<_> = late
        .iter()
        .filter_map(|call| call.as_ref().err())
        .map(Refusal::of)
        .collect();
    for refused in &refused {
        assert_eq!(refused.summary(), "Unauthenticated CREDENTIALS_INVALID []");
    }
    !refused.is_empty()
}
