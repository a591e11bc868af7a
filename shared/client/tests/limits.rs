//! What a call may take at most.

use std::time::Duration;

use kith_client::{Builder, MAX_MESSAGE_BYTES};
use kith_contracts::identity::v1::RegisterRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{FakeServer, Reply, read, soon};

// Control: without `timeout_at`, the call waits for ever, as the server answers pings.
#[tokio::test]
async fn a_call_that_nobody_answers_ends() {
    let server = FakeServer::start(|_| Reply::Hang).await;
    let limit = Duration::from_millis(50);
    let channel = Builder::new(server.url())
        .call_within(limit)
        .build()
        .expect("a channel");
    let status = read(&channel).await.expect_err("nobody answers");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    let mut health = HealthClient::new(channel);
    let status = soon(health.watch(HealthCheckRequest::default()))
        .await
        .expect_err("nobody answers");
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

// Control: a request taken in without limit; the server got it.
#[tokio::test]
async fn a_request_that_no_server_would_take_is_not_sent() {
    let server = FakeServer::answering().await;
    let mut client = IdentityServiceClient::new(server.channel());
    let of_bytes = |bytes| RegisterRequest {
        username: "x".repeat(bytes),
        ..RegisterRequest::default()
    };
    let status = soon(client.register(of_bytes(MAX_MESSAGE_BYTES)))
        .await
        .expect_err("too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(server.count(), 0);
    soon(client.register(of_bytes(MAX_MESSAGE_BYTES - 16)))
        .await
        .expect("an answer");
}
