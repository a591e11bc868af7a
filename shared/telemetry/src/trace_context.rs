//! W3C trace context: from a caller's headers to a span, and from a span to the headers of the next call.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::call::Call;

/// The trace that a caller works in, if it sent one.
#[derive(Clone, Debug, Default)]
pub struct TraceContext(Context);

impl TraceContext {
    fn trace_id(&self) -> Option<TraceId> {
        let span = self.0.span();
        span.span_context()
            .is_valid()
            .then(|| span.span_context().trace_id())
    }
}

/// Reads `traceparent` and `tracestate`; what cannot be read counts as not sent.
pub fn extract(headers: &HeaderMap) -> TraceContext {
    TraceContext(TraceContextPropagator::new().extract_with_context(&Context::new(), &Incoming(headers)))
}

/// Makes the caller's span the parent of `span`, which [`rpc_span`](crate::rpc_span) has just made, and lets lines
/// within it show the trace id.
pub fn set_parent(span: &Span, caller: TraceContext) {
    // It fails where nothing is exported, or the span is not wanted: there is nothing to do then.
    let _ = span.set_parent(caller.0.clone());
    let exported = TraceContext(span.context()).trace_id();
    let trace_id = exported
        .or(caller.trace_id())
        .map(|trace_id| trace_id.to_string());
    Call::change(span, |call| {
        call.trace_id = trace_id;
        call.caller = caller;
    });
}

/// Writes the trace of `span` into the headers of a call to somebody else.
///
/// Where nothing is exported, the caller's context is passed on as it came: a span of ours that nobody ever sees
/// would tear the trace apart.
pub fn inject(span: &Span, headers: &mut HeaderMap) {
    let exported = TraceContext(span.context());
    let context = match exported.trace_id() {
        Some(_) => exported,
        None => Call::of(span).map(|call| call.caller).unwrap_or_default(),
    };
    TraceContextPropagator::new().inject_context(&context.0, &mut Outgoing(headers));
}

struct Incoming<'a>(&'a HeaderMap);

impl Extractor for Incoming<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing<'a>(&'a mut HeaderMap);

impl Injector for Outgoing<'_> {
    /// An empty value is left out: it is how the propagator says that there is no `tracestate`.
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::try_from(key);
        let value = HeaderValue::try_from(value);
        if let (Ok(name), Ok(value)) = (name, value)
            && !value.is_empty()
        {
            self.0.insert(name, value);
        }
    }
}
