//! What a server learns of whom the call works for.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use kith_client::Channel;
use kith_contracts::social_graph::v1::GetFollowRequest;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_primitives::{Context, RequestId};
use kith_telemetry::{LogFormat, LogSettings, extract, rpc_span, set_parent, subscriber};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::time::Instant;
use tonic::Request;
use tracing::{Instrument, Span};

use crate::harness::{FakeServer, read, soon};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const OWN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn logs() -> LogSettings {
    LogSettings {
        format: LogFormat::Json,
        filter: "info".parse().expect("a filter"),
    }
}

/// A span of a service whose caller works in that trace.
fn span_in_trace() -> Span {
    let span = rpc_span("kith.test.Service/Method", "request");
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", HeaderValue::from_static(TRACE));
    set_parent(&span, extract(&headers));
    span
}

/// The header of the last call that the server had.
fn header(server: &FakeServer, name: &str) -> Option<String> {
    let calls = server.calls();
    let value = calls.last().expect("a call").headers.get(name)?;
    Some(value.to_str().expect("ASCII").to_owned())
}

async fn read_with(channel: &Channel, name: &'static str, value: &'static str) {
    let mut request = Request::new(GetFollowRequest::default());
    request.metadata_mut().insert(name, value.parse().expect("ASCII"));
    let mut client = SocialGraphServiceClient::new(channel.clone());
    soon(client.get_follow(request)).await.expect("an answer");
}

// Control: no `inject`; the server saw no trace.
#[tokio::test]
async fn the_trace_of_the_current_span_is_told() {
    let server = FakeServer::answering().await;
    let channel = server.channel();
    let _guard = tracing::dispatcher::set_default(&subscriber(&logs(), std::io::sink, None));
    read(&channel)
        .instrument(span_in_trace())
        .await
        .expect("an answer");
    assert_eq!(header(&server, "traceparent").as_deref(), Some(TRACE));
    read(&channel).await.expect("an answer");
    assert_eq!(header(&server, "traceparent"), None);
}

#[tokio::test]
async fn a_span_that_is_exported_is_the_parent_of_the_call() {
    let server = FakeServer::answering().await;
    let channel = server.channel();
    let provider = SdkTracerProvider::builder().build();
    let subscriber = subscriber(&logs(), std::io::sink, Some(&provider));
    let _guard = tracing::dispatcher::set_default(&subscriber);
    read(&channel)
        .instrument(span_in_trace())
        .await
        .expect("an answer");
    let told = header(&server, "traceparent").expect("a trace");
    let trace_id = &TRACE[..35];
    assert!(told.starts_with(trace_id) && told != TRACE, "{told}");
}

// Control: `inject` for every call; the span's trace was told.
#[tokio::test]
async fn a_trace_that_the_caller_sets_stays() {
    let server = FakeServer::answering().await;
    let _guard = tracing::dispatcher::set_default(&subscriber(&logs(), std::io::sink, None));
    let channel = server.channel();
    let call = read_with(&channel, "traceparent", OWN);
    call.instrument(span_in_trace()).await;
    assert_eq!(header(&server, "traceparent").as_deref(), Some(OWN));
}

// Control: no `OuterCall::current`; the server was told neither.
#[tokio::test]
async fn a_call_within_a_call_has_its_request_id_and_no_more_time() {
    let server = FakeServer::answering().await;
    let channel = server.channel();
    let outer = Context {
        request_id: RequestId::from_caller("outer-call").expect("an id"),
        deadline: Instant::now() + Duration::from_secs(5),
        peer: None,
    };
    let inner = outer.clone().scope(read(&channel));
    inner.await.expect("an answer");
    assert_eq!(header(&server, "x-request-id").as_deref(), Some("outer-call"));
    assert!(header(&server, "grpc-timeout").is_some());

    outer.scope(read_with(&channel, "x-request-id", "my-own")).await;
    assert_eq!(header(&server, "x-request-id").as_deref(), Some("my-own"));

    read(&channel).await.expect("an answer");
    assert_eq!(header(&server, "x-request-id"), None);
    assert_eq!(header(&server, "grpc-timeout"), None);
}
