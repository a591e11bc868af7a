//! What is counted of calls and connections is what happened.

use std::time::Duration;

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use kith_primitives::{Failure, Reason};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;

use crate::harness::{Plan, TestServer, message_of, soon, within};

const SERVICE: &str = "kith.social_graph.v1.SocialGraphService";

/// `name` of a method of the service, with more labels before the method's.
fn series(name: &str, code: &str, method: &str) -> String {
    let code = match code {
        "" => String::new(),
        code => format!(r#"grpc_code="{code}","#),
    };
    format!(r#"{name}{{{code}grpc_method="{method}",grpc_service="{SERVICE}",grpc_type="unary"}}"#)
}

fn started(method: &str) -> String {
    series("grpc_server_started_total", "", method)
}

fn handled(method: &str, code: &str) -> String {
    series("grpc_server_handled_total", code, method)
}

/// Of methods that there are not.
fn other(name: &str, code: &str) -> String {
    series(name, code, "_OTHER").replace(SERVICE, "_OTHER")
}

fn not_found() -> Failure {
    Failure::new(Reason::FollowNotFound, "there is none")
}

// Control: `answered` that is left out; all were Canceled.
#[tokio::test]
async fn each_call_counts_once_with_the_code_that_its_caller_got() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let call = async || {
        let request = server.by_user(GetFollowRequest::default());
        connection.graph().get_follow(request).await
    };
    // Before the first call, the series are there.
    assert_eq!(server.metric(&handled("GetFollow", "OK")).await, Some(0.0));
    assert_eq!(server.metric(&handled("GetFollow", "Internal")).await, Some(0.0));
    assert_eq!(server.metric(&handled("GetFollow", "NotFound")).await, None);
    for _ in 0..3 {
        call().await.expect("an answer");
    }
    server.graph.plan(Plan::Fail(not_found));
    for _ in 0..2 {
        assert_eq!(call().await.expect_err("planned").code(), Code::NotFound);
    }
    let unsigned = connection.graph().get_follow(GetFollowRequest::default()).await;
    assert_eq!(unsigned.expect_err("no token").code(), Code::Unauthenticated);

    for (series, value) in [
        (started("GetFollow"), 6.0),
        (handled("GetFollow", "OK"), 3.0),
        (handled("GetFollow", "NotFound"), 2.0),
        (handled("GetFollow", "Unauthenticated"), 1.0),
        (series("grpc_server_handling_seconds_count", "", "GetFollow"), 6.0),
        (started("Follow"), 0.0),
        (other("grpc_server_started_total", ""), 0.0),
    ] {
        assert_eq!(server.metric(&series).await, Some(value), "{series}");
    }
    let sum = series("grpc_server_handling_seconds_sum", "", "GetFollow");
    let seconds = server.metric(&sum).await.expect("a sum");
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
}

// Control: `RunningCall` that counts nothing when it is dropped without an answer; none was cancelled.
#[tokio::test]
async fn a_call_whose_caller_left_is_cancelled_and_one_out_of_time_is_not() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
    tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    assert_eq!(server.metric(&started("GetFollow")).await, Some(1.0));
    connection.cut();
    server
        .metric_becomes(&handled("GetFollow", "Canceled"), 1.0)
        .await;

    let connection = server.connect().await;
    let request = within(
        server.by_user(GetFollowRequest::default()),
        Duration::from_millis(5),
    );
    let late = connection.graph().get_follow(request).await.expect_err("late");
    assert_eq!(late.code(), Code::DeadlineExceeded);
    assert_eq!(
        server.metric(&handled("GetFollow", "DeadlineExceeded")).await,
        Some(1.0)
    );
    assert_eq!(server.metric(&handled("GetFollow", "Canceled")).await, Some(1.0));
}

// Control: `Counted::of` that makes a method of each path; there were 27,000 lines more.
#[tokio::test]
async fn callers_who_make_up_methods_make_no_series() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let call = async |path: &str| {
        let message = message_of(&GetFollowRequest::default());
        let status = connection.send(path, &[], message).await;
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    };
    call("/kith.social_graph.v1.SocialGraphService/Nothing").await;
    let lines = server.get("/metrics").await.body.lines().count();
    for number in 0..1000 {
        call(&format!(
            "/kith.social_graph.v1.SocialGraphService/Nothing{number}"
        ))
        .await;
    }
    assert_eq!(server.get("/metrics").await.body.lines().count(), lines);
    let unimplemented = other("grpc_server_handled_total", "Unimplemented");
    assert_eq!(server.metric(&unimplemented).await, Some(1001.0));
    assert_eq!(
        server.metric(&other("grpc_server_started_total", "")).await,
        Some(1001.0)
    );
}

// gRPC has both end as INTERNAL. Control: `observe` without `undecodable`; it stayed 0.
#[tokio::test]
async fn what_is_no_message_is_told_from_our_own_defects() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let bearer = format!("Bearer {}", server.user_token());
    let headers = [("authorization", bearer.as_str())];
    let undecodable =
        format!(r#"kith_undecodable_messages_total{{grpc_method="Follow",grpc_service="{SERVICE}"}}"#);
    // A field of a kind that there is not.
    let body = tonic::body::Body::new(http_body_util::Full::new(bytes::Bytes::from_static(
        b"\0\0\0\0\x01\x0f",
    )));
    let status = connection
        .send(&format!("/{SERVICE}/Follow"), &headers, body)
        .await;
    assert_eq!(status.code(), Code::Internal, "{status:?}");
    assert_eq!(server.metric(&undecodable).await, Some(1.0));
    server.graph.plan(Plan::Panic("on purpose"));
    let broken = connection
        .graph()
        .follow(server.by_user(FollowRequest::default()))
        .await;
    assert_eq!(broken.expect_err("a defect").code(), Code::Internal);
    assert_eq!(server.metric(&undecodable).await, Some(1.0));
    assert_eq!(server.metric(&handled("Follow", "Internal")).await, Some(2.0));
}

// Control: `observe` that is done with a stream when its answer begins; it was handled at once.
#[tokio::test]
async fn a_stream_is_handled_when_it_ends() {
    let server = TestServer::start().await;
    let watch = |name: &str, code: &str| {
        series(name, code, "Watch")
            .replace(SERVICE, "grpc.health.v1.Health")
            .replace("unary", "server_stream")
    };
    let connection = server.connect().await;
    let changes = connection.health().watch(HealthCheckRequest::default()).await;
    let mut changes = changes.expect("health answers").into_inner();
    soon(changes.message()).await.expect("a first word");
    assert_eq!(
        server.metric(&watch("grpc_server_started_total", "")).await,
        Some(1.0)
    );
    let canceled = watch("grpc_server_handled_total", "Canceled");
    assert_eq!(server.metric(&canceled).await, None);
    assert_eq!(
        server.metric(&watch("grpc_server_handled_total", "OK")).await,
        Some(0.0)
    );
    drop(changes);
    server.metric_becomes(&canceled, 1.0).await;
}

// Control: `Limits` that counts none; both were 0.
#[tokio::test]
async fn what_is_refused_for_a_limit_is_counted_by_whose_it_is() {
    let server = TestServer::start_with(|options| {
        options.settings.max_concurrent_calls = 2;
        options.settings.max_concurrent_calls_per_caller = 1;
    })
    .await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let begin = async |begun: usize, token: &str| {
        let mut client = connection.graph();
        let request = crate::harness::with(
            tonic::Request::new(GetFollowRequest::default()),
            "authorization",
            &format!("Bearer {token}"),
        );
        tokio::spawn(async move { client.get_follow(request).await });
        server.graph.reach(|calls| calls.started == begun).await;
    };
    let refused = |reason: &str| format!(r#"kith_calls_refused_total{{reason="{reason}"}}"#);
    let more = async || {
        let request = server.by_user(GetFollowRequest::default());
        let status = connection.graph().get_follow(request).await.expect_err("refused");
        assert_eq!(status.code(), Code::ResourceExhausted);
    };
    begin(1, &server.user_token()).await;
    more().await;
    assert_eq!(server.metric(&refused("caller")).await, Some(1.0));
    assert_eq!(server.metric(&refused("server")).await, Some(0.0));
    begin(2, &server.service_token(&[])).await;
    more().await;
    assert_eq!(server.metric(&refused("caller")).await, Some(1.0));
    assert_eq!(server.metric(&refused("server")).await, Some(1.0));
    assert_eq!(server.metric(&refused("service")).await, Some(0.0));
    server.graph.release(2);
}

// Control: `serve` without its guard; it stayed 0.
#[tokio::test]
async fn open_connections_are_counted_also_those_that_say_nothing() {
    let server = TestServer::start().await;
    let silent = TcpStream::connect(server.address).await.expect("it listens");
    let spoken = server.connect().await;
    server.metric_becomes("kith_server_connections", 2.0).await;
    drop(silent);
    server.metric_becomes("kith_server_connections", 1.0).await;
    spoken.cut();
    server.metric_becomes("kith_server_connections", 0.0).await;
    assert_eq!(server.metric("kith_server_accept_errors_total").await, Some(0.0));
}
