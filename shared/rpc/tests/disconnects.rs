//! Callers who go away.

use std::convert::Infallible;
use std::future::pending;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use tokio::sync::oneshot;
use tonic::Code;
use tonic::body::Body;
use tonic_health::pb::HealthCheckRequest;

use crate::harness::{Plan, TestServer, access_line, line, refused, soon, with};

const FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/Follow";

/// The first bytes of a message of 100, and then nothing for ever; and word of when they are on their way.
fn half_a_message() -> (Body, oneshot::Receiver<()>) {
    let (sender, sent) = oneshot::channel();
    let beginning = Frame::data(Bytes::from_static(&[0, 0, 0, 0, 100, 8, 1]));
    let silence = async move {
        let _ = sender.send(());
        pending().await
    };
    let body = stream::iter([Ok::<_, Infallible>(beginning)]).chain(stream::once(silence));
    (Body::new(StreamBody::new(body)), sent)
}

// Control: `detach` that awaits the call itself; the call was abandoned.
#[tokio::test]
async fn a_mutation_whose_caller_disconnects_finishes() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(FollowRequest::default()));
    let call = tokio::spawn(async move { client.follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    connection.cut();
    soon(call).await.expect("no panic").expect_err("no connection");
    server.graph.release(1);
    server.graph.reach(|calls| calls.finished == 1).await;
    assert_eq!(server.graph.calls().abandoned, 0);
}

// Control: `detach` for reads too; the call was never abandoned.
#[tokio::test]
async fn a_read_whose_caller_disconnects_is_dropped() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
    tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    connection.cut();
    server.graph.reach(|calls| calls.abandoned == 1).await;
}

// Control: `observe` whose line says OK until there is an answer.
#[tokio::test]
async fn a_call_that_is_cancelled_ends_alone_and_is_logged_as_that() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let mut client = connection.graph();
    let request = with(
        server.by_user(GetFollowRequest::default()),
        "x-request-id",
        "cancelled-read",
    );
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    call.abort();
    server.graph.reach(|calls| calls.abandoned == 1).await;
    let line = access_line("cancelled-read").await;
    assert_eq!(
        (&line["rpc.status_code"], &line["level"]),
        (&"CANCELLED".into(), &"INFO".into())
    );

    server.graph.plan(Plan::Answer);
    let request = server.by_user(GetFollowRequest::default());
    connection
        .graph()
        .get_follow(request)
        .await
        .expect("the connection lives");
}

// Control: `detach` without `log`; nothing was written.
#[tokio::test]
async fn how_a_mutation_ended_without_its_caller_is_logged() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::HangAndPanic("nobody listens any more"));
    let mut client = server.connect().await.graph();
    let request = with(
        server.by_user(FollowRequest::default()),
        "x-request-id",
        "unheard",
    );
    let call = tokio::spawn(async move { client.follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    call.abort();
    assert_eq!(access_line("unheard").await["rpc.status_code"], "CANCELLED");
    server.graph.release(1);
    let line = line(|line| line["kith.request_id"] == "unheard" && line["level"] == "ERROR").await;
    assert_eq!(line["kith.error.cause"], "panic: nobody listens any more");
}

// Control: the layers without `receive`; the mutation waited for the rest in its task, and shutdown for it.
#[tokio::test]
async fn a_mutation_whose_request_never_ends_does_not_begin() {
    let server = TestServer::start().await;
    let bearer = format!("Bearer {}", server.user_token());
    let headers = [("authorization", bearer.as_str()), ("grpc-timeout", "300m")];
    let connection = server.connect().await;
    let status = connection.send(FOLLOW, &headers, half_a_message().0).await;
    refused(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    assert_eq!(server.graph.calls().started, 0);
    server.stop().await;
}

// Control: `receive` that takes it for a defect; the line said INTERNAL.
#[tokio::test]
async fn a_caller_who_leaves_within_its_request_is_no_defect() {
    let server = TestServer::start().await;
    let bearer = format!("Bearer {}", server.user_token());
    let connection = server.connect().await;
    let mut health = connection.health();
    let (body, sent) = half_a_message();
    let call = tokio::spawn(async move {
        let headers = [("authorization", bearer.as_str()), ("x-request-id", "half-sent")];
        connection.send(FOLLOW, &headers, body).await
    });
    soon(sent).await.expect("it is sent");
    // Its answer comes behind the other call's beginning.
    health
        .check(HealthCheckRequest::default())
        .await
        .expect("an answer");
    call.abort();
    assert_eq!(access_line("half-sent").await["rpc.status_code"], "CANCELLED");
}
