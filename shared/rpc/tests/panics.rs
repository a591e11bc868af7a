//! Handlers that panic.

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use tonic::{Code, Status};

use crate::harness::{Plan, TestServer, access_line, refused, with};

const TEXT: &str = "password=hunter2";

fn tells(status: &Status) -> bool {
    let told = format!("{status:?} {}", String::from_utf8_lossy(status.details()));
    told.contains("hunter2")
}

// Control: `catch_panics` that only runs the call; hyper reset the stream, and the client saw CANCELLED.
#[tokio::test]
async fn a_read_that_panics_is_internal_and_the_connection_lives() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    server.graph.plan(Plan::Panic(TEXT));
    let request = with(
        server.by_user(GetFollowRequest::default()),
        "x-request-id",
        "panic-in-read",
    );
    let status = client.get_follow(request).await.expect_err("a panic");
    refused(&status, Code::Internal, "INTERNAL");
    assert!(!tells(&status), "{status:?}");

    server.graph.plan(Plan::Answer);
    let request = server.by_user(GetFollowRequest::default());
    client.get_follow(request).await.expect("the same connection");
    let line = access_line("panic-in-read").await;
    assert_eq!(
        (&line["level"], &line["kith.error.cause"]),
        (&"ERROR".into(), &format!("panic: {TEXT}").into())
    );
}

// Control: `detach` without `caught`; the cause was only that the task had ended without an answer.
#[tokio::test]
async fn a_mutation_that_panics_is_internal_and_the_connection_lives() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    server.graph.plan(Plan::Panic(TEXT));
    let request = with(
        server.by_user(FollowRequest::default()),
        "x-request-id",
        "panic-in-mutation",
    );
    let status = client.follow(request).await.expect_err("a panic");
    refused(&status, Code::Internal, "INTERNAL");
    assert!(!tells(&status), "{status:?}");

    server.graph.plan(Plan::Answer);
    let request = server.by_user(FollowRequest::default());
    client.follow(request).await.expect("the same connection");
    let line = access_line("panic-in-mutation").await;
    assert_eq!(
        (&line["level"], &line["kith.error.cause"]),
        (&"ERROR".into(), &format!("panic: {TEXT}").into())
    );
}
