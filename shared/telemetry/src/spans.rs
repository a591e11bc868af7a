//! The spans of a call. Their parents are whatever span they are made in.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, debug, debug_span, error_span};

use crate::call::Call;
use crate::{TraceContext, names};

/// A call that this process serves. `method` is `package.Service/Method`, or [`names::OTHER`] when there is no such.
///
/// Every line within it shows the request id, and the trace id once [`set_parent`](crate::set_parent) knows it.
pub fn rpc_span(method: &str, request_id: &str) -> Span {
    // The highest level: no filter by level takes it from the lines below it.
    let span = error_span!(
        target: names::RPC_TARGET,
        "rpc",
        { names::OTEL_NAME } = method,
        { names::OTEL_KIND } = "server",
        { names::RPC_SYSTEM_NAME } = "grpc",
        { names::RPC_METHOD } = method,
        { names::REQUEST_ID } = request_id,
        { names::RPC_STATUS_CODE } = Empty,
        { names::ERROR_TYPE } = Empty,
        { names::OTEL_STATUS_CODE } = Empty,
    );
    let call = Call {
        request_id: request_id.to_owned(),
        trace_id: None,
        caller: TraceContext::default(),
    };
    call.keep(&span);
    span
}

/// Waiting for a connection of the pool.
pub fn pool_span() -> Span {
    debug_span!(target: names::POOL_TARGET, "pool_checkout", { names::DB_SYSTEM_NAME } = "postgresql")
}

/// A statement, by the name of its query: noun first, for example `follow_create`.
pub fn query_span(name: &'static str) -> Span {
    debug_span!(
        target: names::QUERY_TARGET,
        "query",
        { names::OTEL_NAME } = name,
        { names::OTEL_KIND } = "client",
        { names::DB_SYSTEM_NAME } = "postgresql",
        { names::DB_QUERY_SUMMARY } = name,
        { names::ERROR_TYPE } = Empty,
        { names::OTEL_STATUS_CODE } = Empty,
    )
}

/// Ends the `span` of a statement: how long it took and, if it failed, the sort of its error, of which there are few.
/// Writes a line at level debug, which belongs to the call that this runs in.
pub fn query_finished(span: &Span, name: &'static str, duration: Duration, error: Option<&str>) {
    if let Some(error) = error {
        span.record(names::ERROR_TYPE, error);
        span.record(names::OTEL_STATUS_CODE, "ERROR");
    }
    debug!(
        target: names::QUERY_TARGET,
        {
            { names::DB_QUERY_SUMMARY } = name,
            { names::DURATION_MS } = millis(duration),
            { names::ERROR_TYPE } = error,
        },
        "query finished",
    );
}

/// Milliseconds with three decimals.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
