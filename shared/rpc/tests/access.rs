//! Who may call what, and what proves it.

use std::time::{Duration, SystemTime};

use kith_contracts::identity::v1::ListSigningKeysRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::social_graph::v1::{BatchFollowRequest, FollowRequest, GetFollowRequest};
use kith_primitives::{Caller, Failure, Reason, UserCaller, UserId};
use kith_tokens::{Issuer, SharedKeys, SigningKey, Subject};
use secrecy::ExposeSecret;
use serde_json::json;
use tonic::{Code, Request, Status};

use crate::harness::{ISSUER, Identity, Plan, TestServer, access_line, refused, with};

const AUTHORIZATION: &str = "authorization";
const SERVICE_AUTHORIZATION: &str = "x-kith-service-authorization";

/// Calls with these headers, each a name and what follows `Bearer `.
async fn get_follow(server: &TestServer, tokens: &[(&str, &str)]) -> Result<Caller, Status> {
    let request = bearing(GetFollowRequest::default(), tokens);
    server.connect().await.graph().get_follow(request).await?;
    Ok(server.graph.last_seen().caller)
}

fn bearing<M>(message: M, tokens: &[(&str, &str)]) -> Request<M> {
    let add = |request, (name, token): &(&str, &str)| with(request, name, &format!("Bearer {token}"));
    tokens.iter().fold(Request::new(message), add)
}

#[track_caller]
fn invalid(answer: Result<Caller, Status>) {
    refused(
        &answer.expect_err("a bad token"),
        Code::Unauthenticated,
        "TOKEN_INVALID",
    );
}

#[tokio::test]
async fn without_token_there_is_no_caller() {
    let server = TestServer::start().await;
    let status = get_follow(&server, &[]).await.expect_err("no token");
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING");
    assert_eq!(server.graph.calls().started, 0);
}

#[tokio::test]
async fn a_token_says_who_calls() {
    let server = TestServer::start().await;
    let (user, service) = (server.user_token(), server.service_token(&["a.b"]));
    let caller = get_follow(&server, &[(AUTHORIZATION, &user)])
        .await
        .expect("a user");
    assert!(
        matches!(&caller, Caller::User(user) if user.user_id.get() == 7),
        "{caller:?}"
    );
    let caller = get_follow(&server, &[(AUTHORIZATION, &service)])
        .await
        .expect("a service");
    assert!(caller.operates_with("a.b"), "{caller:?}");
    let both = [
        (AUTHORIZATION, user.as_str()),
        (SERVICE_AUTHORIZATION, service.as_str()),
    ];
    let caller = get_follow(&server, &both).await.expect("a service for a user");
    assert!(matches!(caller, Caller::ServiceForUser { .. }), "{caller:?}");
}

// Control: `authenticate` that does not fill what `observe` made; all lines were without ids.
#[tokio::test]
async fn the_access_log_says_who_called_however_the_call_ends() {
    let server = TestServer::start().await;
    server
        .graph
        .plan(Plan::Fail(|| Failure::new(Reason::FollowNotFound, "planned")));
    let (user, service) = (server.user_token(), server.service_token(&[]));
    let (as_user, for_user) = ((AUTHORIZATION, &*user), (SERVICE_AUTHORIZATION, &*service));
    for (id, tokens, expected) in [
        ("who.user", &[as_user][..], [json!(7), json!(null)]),
        (
            "who.service",
            &[(AUTHORIZATION, &*service)],
            [json!(null), json!(3)],
        ),
        ("who.both", &[as_user, for_user], [json!(7), json!(3)]),
        ("who.nobody", &[], [json!(null), json!(null)]),
    ] {
        let request = with(bearing(GetFollowRequest::default(), tokens), "x-request-id", id);
        let mut client = server.connect().await.graph();
        client
            .get_follow(request)
            .await
            .expect_err("planned, or no token");
        let line = access_line(id).await;
        assert_eq!(
            [&line["user.id"], &line["kith.service_id"]],
            [&expected[0], &expected[1]],
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_scheme_has_no_case_and_no_substitute() {
    let server = TestServer::start().await;
    let token = server.user_token();
    let mut client = server.connect().await.graph();
    let mut call = async |value: &str| {
        let request = with(Request::new(GetFollowRequest::default()), AUTHORIZATION, value);
        client
            .get_follow(request)
            .await
            .map(|_| server.graph.last_seen().caller)
    };
    for good in [format!("bearer {token}"), format!("BEARER {token}")] {
        call(&good).await.expect("a good token");
    }
    for bad in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer a.b.c",
        &token,
        &format!("Basic {token}"),
    ] {
        invalid(call(bad).await);
    }
}

// Control: `subject` that looks at the first value only; the call was answered.
#[tokio::test]
async fn two_tokens_in_one_place_are_none() {
    let server = TestServer::start().await;
    let (user, service) = (server.user_token(), server.service_token(&[]));
    invalid(get_follow(&server, &[(AUTHORIZATION, &user), (AUTHORIZATION, &user)]).await);
    let twice = [
        (AUTHORIZATION, user.as_str()),
        (SERVICE_AUTHORIZATION, &service),
        (SERVICE_AUTHORIZATION, &service),
    ];
    invalid(get_follow(&server, &twice).await);
}

// Control: `caller` whose last arm answers whoever is there; all were answered.
#[tokio::test]
async fn only_a_service_passes_calls_on_and_only_those_of_users() {
    let server = TestServer::start().await;
    let (user, service) = (server.user_token(), server.service_token(&[]));
    invalid(get_follow(&server, &[(SERVICE_AUTHORIZATION, &service)]).await);
    invalid(get_follow(&server, &[(SERVICE_AUTHORIZATION, &user)]).await);
    invalid(get_follow(&server, &[(AUTHORIZATION, &user), (SERVICE_AUTHORIZATION, &user)]).await);
    invalid(
        get_follow(
            &server,
            &[(AUTHORIZATION, &service), (SERVICE_AUTHORIZATION, &service)],
        )
        .await,
    );
    invalid(
        get_follow(
            &server,
            &[(AUTHORIZATION, &user), (SERVICE_AUTHORIZATION, "nonsense")],
        )
        .await,
    );
}

#[tokio::test]
async fn a_strangers_token_is_invalid_and_an_old_one_expired() {
    let server = TestServer::start().await;
    let stranger =
        Issuer::new(SigningKey::generate().expect("random"), ISSUER, ISSUER).expect("our provider");
    let subject = Subject::User(UserCaller {
        user_id: UserId::from_database(7),
        session_id: "session".to_owned(),
    });
    let token = stranger
        .issue(&subject, SystemTime::now())
        .expect("a token")
        .token;
    invalid(get_follow(&server, &[(AUTHORIZATION, token.expose_secret())]).await);

    let an_hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let token = server.issuer.issue(&subject, an_hour_ago).expect("a token").token;
    let status = get_follow(&server, &[(AUTHORIZATION, token.expose_secret())])
        .await
        .expect_err("expired");
    refused(&status, Code::Unauthenticated, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn without_keys_nobody_can_be_known_for_now() {
    let server = TestServer::start_with(|options| options.keys = Some(SharedKeys::new())).await;
    let status = get_follow(&server, &[(AUTHORIZATION, &server.user_token())])
        .await
        .expect_err("no keys");
    let refused = refused(&status, Code::Unavailable, "SERVICE_NOT_READY");
    assert!(refused.details.retry_info().is_some());
}

// Control: `authorise` that lets every call pass; a service with another scope was answered.
#[tokio::test]
async fn a_method_for_operators_is_for_services_with_the_scope() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    let (user, other) = (
        server.user_token(),
        server.service_token(&["social_graph.follows"]),
    );
    let right = server.service_token(&["social_graph.follows.import"]);
    let mut call = async |tokens: &[(&str, &str)]| {
        client
            .batch_follow(bearing(BatchFollowRequest::default(), tokens))
            .await
    };
    call(&[(AUTHORIZATION, &right)]).await.expect("an operator");

    let status = call(&[(AUTHORIZATION, &other)]).await.expect_err("another scope");
    let told = refused(&status, Code::PermissionDenied, "SCOPE_MISSING");
    assert_eq!(told.metadata("scope"), Some("social_graph.follows.import"));
    for tokens in [
        &[(AUTHORIZATION, user.as_str())][..],
        &[(AUTHORIZATION, &user), (SERVICE_AUTHORIZATION, &right)],
    ] {
        let status = call(tokens).await.expect_err("a user");
        let told = refused(&status, Code::PermissionDenied, "CALLER_NOT_ALLOWED");
        assert_eq!(told.metadata("audience"), Some("AUDIENCE_OPERATOR"));
    }
    assert_eq!(server.graph.calls().started, 1);
}

#[tokio::test]
async fn a_method_for_users_is_not_for_services() {
    let server = TestServer::start().await;
    let token = server.service_token(&["social_graph.follows.import"]);
    let request = bearing(FollowRequest::default(), &[(AUTHORIZATION, &token)]);
    let status = server
        .connect()
        .await
        .graph()
        .follow(request)
        .await
        .expect_err("a service");
    let told = refused(&status, Code::PermissionDenied, "CALLER_NOT_ALLOWED");
    assert_eq!(told.metadata("audience"), Some("AUDIENCE_USER"));
}

// Control: `authorise` that lets every call pass; the answer was MESSAGE_UNDECODABLE.
#[tokio::test]
async fn access_is_decided_before_the_request_is_read() {
    let server = TestServer::start().await;
    let path = "/kith.social_graph.v1.SocialGraphService/Follow";
    let status = server
        .connect()
        .await
        .send(path, &[], tonic::body::Body::empty())
        .await;
    refused(&status, Code::Unauthenticated, "TOKEN_MISSING");
}

// Control: `authenticate` without its look at the audience; the call was refused.
#[tokio::test]
async fn an_open_method_takes_no_notice_of_a_bad_token() {
    let server = TestServer::of_identity(&Identity::new(|| Ok(vec![[1; 32]]))).await;
    let mut client = IdentityServiceClient::new(server.connect().await.calls());
    for tokens in [&[][..], &[(AUTHORIZATION, "nonsense")]] {
        let request = bearing(ListSigningKeysRequest::default(), tokens);
        client.list_signing_keys(request).await.expect("an answer");
    }
}

// Control: `passing_on` that takes what cannot be verified for nobody; all were answered.
#[tokio::test]
async fn a_service_that_passes_on_an_open_call_proves_itself_or_is_refused() {
    let server = TestServer::of_identity(&Identity::new(|| Ok(vec![[1; 32]]))).await;
    let mut client = IdentityServiceClient::new(server.connect().await.calls());
    let (user, service) = (server.user_token(), server.service_token(&[]));
    for bad in ["nonsense", &user, &tampered(&service)] {
        let tokens = [(AUTHORIZATION, service.as_str()), (SERVICE_AUTHORIZATION, bad)];
        let request = bearing(ListSigningKeysRequest::default(), &tokens);
        let status = client.list_signing_keys(request).await.expect_err("a bad token");
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID");
    }
    let tokens = [(AUTHORIZATION, "nonsense"), (SERVICE_AUTHORIZATION, &service)];
    let request = bearing(ListSigningKeysRequest::default(), &tokens);
    let request = with(request, "x-request-id", "passed-on");
    client.list_signing_keys(request).await.expect("an answer");
    assert_eq!(access_line("passed-on").await["kith.service_id"], json!(3));
}

/// The same token with another signature.
fn tampered(token: &str) -> String {
    let (rest, last) = token.split_at(token.len() - 10);
    format!("{rest}{}", last.chars().rev().collect::<String>())
}

// Controls: a layer that reads it from everybody; the first call was refused. One that does not read it; the last went well.
#[tokio::test]
async fn the_address_of_a_client_is_asked_of_whoever_passes_its_call_on() {
    let server = TestServer::start().await;
    let (user, service) = (server.user_token(), server.service_token(&[]));
    let (as_user, for_user) = ((AUTHORIZATION, &*user), (SERVICE_AUTHORIZATION, &*service));
    let call = async |tokens: &[(&str, &str)], address: &str| {
        let request = bearing(GetFollowRequest::default(), tokens);
        let request = with(request, "x-kith-client-address", address);
        server.connect().await.graph().get_follow(request).await
    };
    call(&[as_user], "nonsense").await.expect("ignored");
    call(&[as_user, for_user], "2001:db8::1")
        .await
        .expect("an address");
    for bad in [
        "nonsense",
        "",
        "192.0.2.1, 192.0.2.2",
        "192.0.2.1:80",
        "localhost",
    ] {
        let status = call(&[as_user, for_user], bad).await.expect_err(bad);
        refused(&status, Code::InvalidArgument, "FIELD_MALFORMED");
    }
}
