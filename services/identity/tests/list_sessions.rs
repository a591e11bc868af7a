use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{
    AuthenticateRequest, ListSessionsRequest, ListSessionsResponse, WhoAmIRequest,
};
use kith_testkit::{Bearer, Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{
    PASSWORD, answer, authenticate, bearer, execute, instant, refusal, register, sessions, sign_in, wide,
};

/// Signs Alice in with a device of this name.
async fn sign_in_with(app: &TestApp, device_label: &str) -> Bearer {
    let request = AuthenticateRequest {
        identifier: Some(Identifier::Username("alice".to_owned())),
        password: PASSWORD.to_owned(),
        device_label: device_label.to_owned(),
    };
    bearer(answer(app.identity(&app.nobody()).authenticate(request).await).access_token)
}

async fn call(
    app: &TestApp,
    caller: &impl Caller,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListSessionsResponse>, Status> {
    let request = ListSessionsRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    app.identity(caller).list_sessions(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_the_devices_label_its_address_and_its_times() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let phone = sign_in_with(&app, &wide(100)).await;
    let session = sessions(&app, &phone).await.remove(0);
    assert_eq!(session.device_label, wide(100));
    assert_eq!((session.address.as_str(), session.current), ("127.0.0.1", true));
    assert_eq!(session.refresh_time, session.create_time);
    assert_eq!(
        instant(session.expire_time).0 - instant(session.create_time).0,
        3600
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_comes_first_and_the_callers_own_is_the_current_one() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    sign_in_with(&app, "laptop").await;
    let phone = sign_in_with(&app, "phone").await;
    sign_in_with(&app, "").await;
    let listed = sessions(&app, &phone).await;
    let sketch: Vec<_> = listed
        .iter()
        .map(|session| (session.device_label.as_str(), session.current))
        .collect();
    assert_eq!(sketch, [("", false), ("phone", true), ("laptop", false)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_is_the_session_of_the_access_token() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    let who = answer(app.identity(&alice.caller).who_am_i(WhoAmIRequest {}).await);
    assert_eq!(
        who.session_id,
        sessions(&app, &alice.caller).await[0].id.to_string()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_anothers_and_a_token_of_no_session_has_no_current_one() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    sign_in(&app, "alice").await;
    assert_eq!(sessions(&app, &app.user("bob").await).await, []);
    let listed = sessions(&app, &app.signed_in(id, "alice")).await;
    assert_eq!(
        listed.iter().map(|session| session.current).collect::<Vec<_>>(),
        [false]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expired_are_not_listed() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    sign_in_with(&app, "old").await;
    let phone = sign_in_with(&app, "phone").await;
    execute(
        &app,
        "UPDATE identity.sessions SET expires_at = now() WHERE device_label = 'old'",
    )
    .await;
    let labels: Vec<_> = sessions(&app, &phone)
        .await
        .into_iter()
        .map(|session| session.device_label)
        .collect();
    assert_eq!(labels, ["phone"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_session_once() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    let alice = app.signed_in(id, "alice");
    // Equal times within a page and across its end.
    let make = format!(
        "INSERT INTO identity.sessions (user_id, created_at, expires_at)
        SELECT {id}, now() - number / 3 * interval '1 s', now() + interval '1 h' FROM generate_series(0, 6) AS number"
    );
    execute(&app, &make).await;
    let all: Vec<i64> = sessions(&app, &alice)
        .await
        .iter()
        .map(|session| session.id)
        .collect();
    assert_eq!(all.len(), 7);
    for size in [1, 3, 7] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        while seen.is_empty() || !token.is_empty() {
            let answer = answer(call(&app, &alice, size, &token).await);
            seen.extend(answer.sessions.iter().map(|session| session.id));
            token = answer.next_page_token;
            assert!(seen.len() < 100, "pages without end: {seen:?}");
        }
        assert_eq!(seen, all, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_goes_with_its_user_alone() {
    let app = TestApp::start().await;
    register(&app, "alice").await;
    let alice = sign_in(&app, "alice").await;
    sign_in(&app, "alice").await;
    let token = answer(call(&app, &alice.caller, 1, "").await).next_page_token;
    assert_eq!(
        answer(call(&app, &alice.caller, 1, &token).await).sessions.len(),
        1
    );
    let refused = refusal(call(&app, &app.user("bob").await, -1, &token).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_is_refused_leaves_no_session() {
    let app = TestApp::start().await;
    let id = register(&app, "alice").await;
    refusal(authenticate(&app, "alice", "wrong horse").await);
    assert_eq!(sessions(&app, &app.signed_in(id, "alice")).await, []);
}
