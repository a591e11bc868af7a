//! The span of a call, as an exporter gets it.

use std::future::Future;
use std::task::Poll;

use kith_client::Channel;
use kith_telemetry::names::{ATTEMPTS, ERROR_TYPE, NETWORK_PEER_PORT, RPC_STATUS_CODE, SERVER_ADDRESS};
use kith_telemetry::{LogFormat, LogSettings, rpc_span, subscriber};
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use tonic::Code;
use tracing::Instrument;
use tracing::subscriber::DefaultGuard;

use crate::harness::{FakeServer, Reply, read, refusal, write};

/// Gets the spans of a test.
struct Exported {
    spans: InMemorySpanExporter,
    _provider: SdkTracerProvider,
    _guard: DefaultGuard,
}

impl Exported {
    fn start() -> Self {
        let spans = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(spans.clone())
            .build();
        let logs = LogSettings {
            format: LogFormat::Json,
            filter: "off".parse().expect("a filter"),
        };
        let subscriber = subscriber(&logs, std::io::sink, Some(&provider));
        Self {
            spans,
            _provider: provider,
            _guard: tracing::dispatcher::set_default(&subscriber),
        }
    }

    fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("spans")
    }

    /// The one span that there is.
    fn span(&self) -> SpanData {
        let [span] = self.spans().try_into().expect("one span");
        span
    }
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.to_string())
}

/// The spans that the server was told of, one for each attempt.
fn told(server: &FakeServer) -> Vec<String> {
    let calls = server.calls();
    let told = calls
        .iter()
        .map(|call| call.headers["traceparent"].to_str().expect("ASCII"));
    told.map(|told| told[36..52].to_owned()).collect()
}

async fn within_a_call(channel: &Channel) {
    let span = rpc_span("kith.test.Service/Method", "r1");
    read(channel).instrument(span).await.expect("an answer");
}

#[tokio::test]
async fn a_call_has_a_span_below_that_of_the_caller_and_the_server_is_told_of_it() {
    let (exported, server) = (Exported::start(), FakeServer::answering().await);
    within_a_call(&server.channel()).await;
    let [call, outer] = exported.spans().try_into().expect("two spans");
    assert_eq!(call.name, "kith.social_graph.v1.SocialGraphService/GetFollow");
    assert_eq!(
        (&call.span_kind, &call.status),
        (&SpanKind::Client, &Status::Unset)
    );
    assert_eq!(call.parent_span_id, outer.span_context.span_id());
    assert_eq!(told(&server), [call.span_context.span_id().to_string()]);
    for (name, value) in [
        (RPC_STATUS_CODE, "OK"),
        (SERVER_ADDRESS, "127.0.0.1"),
        (NETWORK_PEER_PORT, &server.address.port().to_string()),
    ] {
        assert_eq!(attribute(&call, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(attribute(&call, ATTEMPTS), None);
}

// Control: `inject` for the span around the call; the server was told another, or none.
#[tokio::test]
async fn attempts_are_of_one_span() {
    let not_ready = || Reply::Refuse(refusal(Code::Unavailable, "SERVICE_NOT_READY", None));
    let (exported, server) = (
        Exported::start(),
        FakeServer::start(move |nth| if nth == 0 { not_ready() } else { Reply::Answer }).await,
    );
    write(&server.channel()).await.expect("an answer");
    let span = exported.span();
    assert_eq!(attribute(&span, ATTEMPTS).as_deref(), Some("2"));
    assert_eq!(attribute(&span, RPC_STATUS_CODE).as_deref(), Some("OK"));
    let id = span.span_context.span_id().to_string();
    assert_eq!(told(&server), [id.clone(), id]);
}

#[tokio::test]
async fn a_refusal_is_an_error_for_its_caller_as_is_a_server_that_is_not_there() {
    let (exported, server) = (
        Exported::start(),
        FakeServer::start(|_| Reply::Refuse(refusal(Code::NotFound, "USER_NOT_FOUND", None))).await,
    );
    let channel = server.channel();
    read(&channel).await.expect_err("refused");
    let span = exported.span();
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(&span, ERROR_TYPE).as_deref(), Some("NOT_FOUND"));

    server.kill().await;
    read(&channel).await.expect_err("unreachable");
    let span = exported.spans().remove(1);
    assert_eq!(attribute(&span, ERROR_TYPE).as_deref(), Some("UNAVAILABLE"));
}

// Control: a drop of `Traced` that tells nothing but what has ended; the span had no status.
#[tokio::test]
async fn a_call_that_nobody_waits_for_is_cancelled() {
    let (exported, server) = (Exported::start(), FakeServer::start(|_| Reply::Hang).await);
    let channel = server.channel();
    let mut call = Box::pin(read(&channel));
    // Until the server has it.
    std::future::poll_fn(|context| {
        assert!(call.as_mut().poll(context).is_pending());
        context.waker().wake_by_ref();
        if server.count() == 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    drop(call);
    assert_eq!(
        attribute(&exported.span(), RPC_STATUS_CODE).as_deref(),
        Some("CANCELLED")
    );
}
