//! How many calls a server takes at once, in all and of one caller.

use std::time::Duration;

use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{ListSigningKeysRequest, RegisterRequest};
use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest, GetFollowResponse};
use kith_primitives::UserId;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_reflection::pb::v1::ServerReflectionRequest;

use crate::harness::{Connection, Identity, Plan, TestServer, access_line, refused, soon, with};

type Answer = Result<Response<GetFollowResponse>, Status>;

async fn with_limits(calls: usize, per_caller: usize) -> TestServer {
    TestServer::start_with(|options| {
        options.settings.max_concurrent_calls = calls;
        options.settings.max_concurrent_calls_per_caller = per_caller;
    })
    .await
}

/// A read as whoever has these tokens.
fn read(tokens: &[(&str, &str)]) -> Request<GetFollowRequest> {
    let request = Request::new(GetFollowRequest::default());
    tokens.iter().fold(request, |request, (header, token)| {
        with(request, header, &format!("Bearer {token}"))
    })
}

/// Begins a read that hangs.
async fn occupy(
    server: &TestServer,
    connection: &Connection,
    request: Request<GetFollowRequest>,
) -> JoinHandle<Answer> {
    let (mut client, before) = (connection.graph(), server.graph.calls().started);
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == before + 1).await;
    call
}

fn token_of(server: &TestServer, user: i64) -> String {
    let issued = server.issuer.user(UserId::from_database(user), "session");
    issued.expect("a token").token.expose_secret().to_owned()
}

// Control: the layers without `shed`; the third call hung like the others.
#[tokio::test]
async fn a_call_beyond_the_limit_is_refused_at_once_and_told_when_to_try_again() {
    let server = with_limits(2, 2).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(occupy(&server, &connection, server.by_user(GetFollowRequest::default())).await);
    }
    // Nothing is done for it: nobody looks at its token.
    let request = with(
        read(&[("authorization", "no token")]),
        "x-request-id",
        "one-too-many",
    );
    let status = soon(connection.graph().get_follow(request))
        .await
        .expect_err("refused");
    let told = refused(&status, Code::ResourceExhausted, "SERVER_OVERLOADED");
    let delay = told.details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_secs(1)));
    assert_eq!(told.request_id, "one-too-many");
    let line = access_line("one-too-many").await;
    assert_eq!(
        (&line["level"], &line["kith.error.cause"]),
        (&"WARN".into(), &"--max-concurrent-calls is 2".into())
    );

    server.graph.release(3);
    for call in calls {
        soon(call).await.expect("no panic").expect("an answer");
    }
    let request = server.by_user(GetFollowRequest::default());
    connection.graph().get_follow(request).await.expect("room again");
}

// Control: `shed` that keeps the place for 5 ms longer than the call; the next one was refused.
#[tokio::test]
async fn one_call_after_the_other_needs_one_place() {
    let server = with_limits(1, 1).await;
    let connection = server.connect().await;
    for _ in 0..300 {
        let (mut reader, mut writer) = (connection.graph(), connection.graph());
        let request = server.by_user(GetFollowRequest::default());
        reader.get_follow(request).await.expect("the only call");
        let request = server.by_user(FollowRequest::default());
        writer.follow(request).await.expect("the only call");
    }
}

// Control: `shed` without its exception; health was refused.
#[tokio::test]
async fn health_and_reflection_are_answered_by_a_full_server() {
    let server = with_limits(1, 1).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let _call = occupy(&server, &connection, server.by_user(GetFollowRequest::default())).await;
    let health = connection
        .health()
        .check(HealthCheckRequest::default())
        .await
        .expect("an answer");
    assert_eq!(health.into_inner().status, 1);
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: None,
    };
    let questions = futures::stream::iter([question]);
    let answers = connection.reflection().server_reflection_info(questions).await;
    assert!(answers.is_ok(), "{:?}", answers.err());
}

// Control: the layers without `share`; user 7 took all places.
#[tokio::test]
async fn one_caller_cannot_take_the_place_of_others() {
    let server = with_limits(10, 1).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (user, service) = (server.user_token(), server.service_token(&[]));
    let _call = occupy(&server, &connection, read(&[("authorization", &user)])).await;
    let mut client = connection.graph();
    let again = soon(client.get_follow(read(&[("authorization", &user)])));
    let status = again.await.expect_err("refused");
    refused(&status, Code::ResourceExhausted, "SERVER_OVERLOADED");

    let other = token_of(&server, 8);
    let tokens = [
        ("authorization", other.as_str()),
        ("x-kith-service-authorization", service.as_str()),
    ];
    let _passed_on = occupy(&server, &connection, read(&tokens)).await;
    for token in [&other, &service] {
        let again = soon(client.get_follow(read(&[("authorization", token)])));
        let status = again.await.expect_err("each has its share");
        refused(&status, Code::ResourceExhausted, "SERVER_OVERLOADED");
    }
}

// Control: `share` that counts callers with a token alone; nobody was refused.
#[tokio::test]
async fn callers_without_token_have_a_share_for_each_address() {
    let identity = Identity::new(|| Ok(Vec::new()));
    let server = TestServer::of_identity_with(&identity, |options| {
        options.settings.max_concurrent_calls_per_caller = 1;
    })
    .await;
    let keys = async |connection: &Connection| {
        let mut client = IdentityServiceClient::new(connection.calls());
        client.list_signing_keys(ListSigningKeysRequest::default()).await
    };
    let connection = server.connect().await;
    let mut client = IdentityServiceClient::new(connection.calls());
    tokio::spawn(async move { client.register(RegisterRequest::default()).await });
    let status = soon(async {
        loop {
            if let Err(status) = keys(&connection).await {
                return status;
            }
        }
    });
    refused(&status.await, Code::ResourceExhausted, "SERVER_OVERLOADED");
    let elsewhere = Connection::open_from("127.0.0.2", server.address).await;
    keys(&elsewhere).await.expect("a share of its own");
}

// Control: `detach` that drops the place before the call; the second mutation ran beside the first.
#[tokio::test]
async fn a_mutation_without_its_caller_takes_its_place_until_it_ends() {
    let server = with_limits(1, 1).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(FollowRequest::default()));
    let call = tokio::spawn(async move { client.follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    connection.cut();
    soon(call).await.expect("no panic").expect_err("no connection");

    let connection = server.connect().await;
    let request = server.by_user(FollowRequest::default());
    let status = connection.graph().follow(request).await.expect_err("refused");
    refused(&status, Code::ResourceExhausted, "SERVER_OVERLOADED");
    server.graph.plan(Plan::Answer);
    server.graph.release(1);
    soon(async {
        let request = || server.by_user(FollowRequest::default());
        while connection.graph().follow(request()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// Control: `shed` that forgets a clone of the place; it was never free again.
#[tokio::test]
async fn a_read_whose_caller_disconnects_gives_its_place_back() {
    let server = with_limits(1, 1).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let _call = occupy(&server, &connection, server.by_user(GetFollowRequest::default())).await;
    connection.cut();
    server.graph.reach(|calls| calls.abandoned == 1).await;
    server.graph.plan(Plan::Answer);
    let connection = server.connect().await;
    soon(async {
        let request = || server.by_user(GetFollowRequest::default());
        while connection.graph().get_follow(request()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
