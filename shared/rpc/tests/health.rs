//! Readiness, as `grpc.health.v1` tells it and as calls feel it.

use std::time::Duration;

use kith_contracts::social_graph::v1::GetFollowRequest;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, Serving};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::harness::{Connection, TestServer, refused, soon};

const SERVICE: &str = "kith.social_graph.v1.SocialGraphService";

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

async fn check(connection: &Connection, service: &str) -> ServingStatus {
    let answer = connection.health().check(of(service)).await;
    answer.expect("health answers").into_inner().status()
}

async fn watch(connection: &Connection, service: &str) -> Streaming<HealthCheckResponse> {
    let stream = connection.health().watch(of(service)).await;
    stream.expect("health answers").into_inner()
}

async fn next(changes: &mut Streaming<HealthCheckResponse>) -> ServingStatus {
    let answer = soon(changes.message()).await.expect("health goes on");
    answer.expect("health goes on").status()
}

// Control: `health::set` for the service alone; the empty name was SERVING, which is where tonic-health begins.
#[tokio::test]
async fn nothing_serves_before_it_is_ready() {
    let server = TestServer::start_with(|options| options.ready = false).await;
    let connection = server.connect().await;
    assert_eq!(check(&connection, "").await, NotServing);
    assert_eq!(check(&connection, SERVICE).await, NotServing);
}

#[tokio::test]
async fn a_watcher_sees_every_change_once() {
    let server = TestServer::start_with(|options| options.ready = false).await;
    let connection = server.connect().await;
    for service in ["", SERVICE] {
        let mut changes = watch(&connection, service).await;
        assert_eq!(next(&mut changes).await, NotServing);
        server.latch.set(true);
        assert_eq!(next(&mut changes).await, Serving);
        assert_eq!(check(&connection, service).await, Serving);
        server.latch.set(false);
        assert_eq!(next(&mut changes).await, NotServing);
    }
}

// Control: `failure_of_tonic` that knows nothing of health; the answer was INTERNAL.
#[tokio::test]
async fn a_service_that_is_not_here_is_not_found() {
    let server = TestServer::start().await;
    let answer = server
        .connect()
        .await
        .health()
        .check(of("kith.posts.v1.PostsService"))
        .await;
    assert_eq!(answer.expect_err("unknown").code(), Code::NotFound);
}

// Control: no layer `readiness`; the call was answered.
#[tokio::test]
async fn before_it_is_ready_calls_are_told_to_come_again_and_health_and_reflection_answer() {
    let server = TestServer::start_with(|options| options.ready = false).await;
    let connection = server.connect().await;
    let answer = connection
        .graph()
        .get_follow(server.by_user(GetFollowRequest::default()))
        .await;
    let refused = refused(
        &answer.expect_err("not ready"),
        Code::Unavailable,
        "SERVICE_NOT_READY",
    );
    assert!(
        refused.message.ends_with("waiting for: test"),
        "{}",
        refused.message
    );
    let delay = refused.details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_secs(1)));
    assert_eq!(check(&connection, "").await, NotServing);
    assert_eq!(crate::reflection::services(&connection).await.len(), 4);
}

/// What its own failures say is more than that it is not ready.
#[tokio::test]
async fn a_service_that_lost_something_is_not_serving_and_takes_calls() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let mut changes = watch(&connection, "").await;
    while next(&mut changes).await != Serving {}
    server.latch.set(false);
    assert_eq!(next(&mut changes).await, NotServing);
    let request = server.by_user(GetFollowRequest::default());
    connection.graph().get_follow(request).await.expect("an answer");
}

// Control: `health::report` that says nothing at the end; the watcher waited.
#[tokio::test]
async fn within_the_shutdown_delay_nothing_serves_and_calls_are_taken() {
    let server = TestServer::start_with(|options| {
        options.settings.shutdown_delay = Duration::from_secs(60);
    })
    .await;
    let connection = server.connect().await;
    let mut changes = watch(&connection, SERVICE).await;
    while next(&mut changes).await != Serving {}
    server.shutdown.cancel();
    assert_eq!(next(&mut changes).await, NotServing);
    let new = server.connect().await;
    assert_eq!(
        (check(&new, "").await, check(&new, SERVICE).await),
        (NotServing, NotServing)
    );
    let request = server.by_user(GetFollowRequest::default());
    new.graph().get_follow(request).await.expect("an answer");
    // The parts come back, and it is stopping all the same.
    server.latch.set(false);
    server.latch.set(true);
    assert_eq!(check(&new, "").await, NotServing);
}

// Control: the layers without `end_streams`; the stream went on, and the server waited for it.
#[tokio::test]
async fn a_watcher_learns_that_the_server_stops_and_does_not_hold_it() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let mut changes = watch(&connection, "").await;
    while next(&mut changes).await != Serving {}
    server.shutdown.cancel();
    assert_eq!(next(&mut changes).await, NotServing);
    let end = soon(changes.message()).await.expect_err("the end");
    assert_eq!(end.code(), Code::Unavailable);
    server.stopped().await;
}

// Control: `receive` and `max_decoding_message_size` with the limit of other calls; both were taken.
#[tokio::test]
async fn questions_that_no_limit_counts_are_small() {
    let server = TestServer::start().await;
    let connection = server.connect().await;
    let long = "x".repeat(64 * 1024);
    let status = connection.health().check(of(&long)).await;
    refused(
        &status.expect_err("too large"),
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
    );
    let status = connection.health().watch(of(&long)).await;
    refused(
        &status.expect_err("too large"),
        Code::ResourceExhausted,
        "MESSAGE_TOO_LARGE",
    );
}
