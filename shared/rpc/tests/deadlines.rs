//! `grpc-timeout`, the default deadline and the cap.

use std::time::Duration;

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use tonic::Code;

use crate::harness::{Plan, TestServer, refused, soon, with, within};

/// Long enough to begin a call within it, on a busy machine too.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_call_that_takes_too_long_is_told_deadline_exceeded() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let request = within(server.by_user(GetFollowRequest::default()), SHORT);
    let answer = soon(server.connect().await.graph().get_follow(request)).await;
    // tonic's own layer would say CANCELLED, without details.
    refused(
        &answer.expect_err("too late"),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    server.graph.reach(|calls| calls.abandoned == 1).await;
}

// Control: `receive` without its look at the time that is left; the handlers were started.
#[tokio::test]
async fn a_call_whose_deadline_has_passed_does_not_begin() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    let read = with(server.by_user(GetFollowRequest::default()), "grpc-timeout", "0n");
    let answer = client.get_follow(read).await;
    refused(
        &answer.expect_err("too late"),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    let mutation = with(server.by_user(FollowRequest::default()), "grpc-timeout", "0n");
    let answer = client.follow(mutation).await;
    refused(
        &answer.expect_err("too late"),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    assert_eq!(server.graph.calls().started, 0);
}

// Control: `deadline` that takes the default then, as tonic does; the calls were answered.
#[tokio::test]
async fn a_deadline_that_cannot_be_read_is_refused() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    for malformed in ["", "1", "S", "10s", "-1S", "123456789S", "1.5S"] {
        let request = with(
            server.by_user(GetFollowRequest::default()),
            "grpc-timeout",
            malformed,
        );
        let status = client.get_follow(request).await.expect_err(malformed);
        refused(&status, Code::InvalidArgument, "DEADLINE_MALFORMED");
    }
    assert_eq!(server.graph.calls().started, 0);
}

#[tokio::test]
async fn a_call_without_deadline_gets_the_default() {
    let server = TestServer::start_with(|options| options.settings.default_deadline = SHORT).await;
    server.graph.plan(Plan::Hang);
    let request = server.by_user(GetFollowRequest::default());
    let answer = soon(server.connect().await.graph().get_follow(request)).await;
    refused(
        &answer.expect_err("too late"),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    assert!(server.graph.last_seen().time_left <= SHORT);
}

// Control: `deadline` without `min`; the handler had an hour.
#[tokio::test]
async fn a_long_deadline_is_cut_to_the_cap_and_a_short_one_is_kept() {
    let server = TestServer::start_with(|options| {
        options.settings.default_deadline = Duration::from_secs(70);
        options.settings.max_deadline = Duration::from_secs(50);
    })
    .await;
    let mut client = server.connect().await.graph();
    // Less than 10 seconds pass between the layer and the handler.
    for (timeout, least, most) in [(Some("1H"), 40, 50), (None, 40, 50), (Some("30S"), 20, 30)] {
        let request = server.by_user(FollowRequest::default());
        let request = match timeout {
            Some(timeout) => with(request, "grpc-timeout", timeout),
            None => request,
        };
        client.follow(request).await.expect("an answer");
        let left = server.graph.last_seen().time_left;
        assert!(
            left > Duration::from_secs(least) && left <= Duration::from_secs(most),
            "{left:?}"
        );
    }
}

// Control: `detach` that awaits the call itself; it was abandoned at the deadline.
#[tokio::test]
async fn a_mutation_goes_on_beyond_the_deadline_of_its_caller() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let request = within(server.by_user(FollowRequest::default()), SHORT);
    let answer = soon(server.connect().await.graph().follow(request)).await;
    refused(
        &answer.expect_err("too late"),
        Code::DeadlineExceeded,
        "DEADLINE_EXCEEDED",
    );
    let calls = server.graph.calls();
    assert_eq!((calls.started, calls.finished, calls.abandoned), (1, 0, 0));
    server.graph.release(1);
    server.graph.reach(|calls| calls.finished == 1).await;
}
