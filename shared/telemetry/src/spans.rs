//! The spans of a call. Their parents are whatever span they are made in.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span, debug, debug_span, error_span, span_enabled};

use crate::access_log::{is_health_check, status_name};
use crate::call::Call;
use crate::{TraceContext, names};

const GRPC: &str = "grpc";
const POSTGRESQL: &str = "postgresql";

/// A call that this process serves. `method` is `package.Service/Method`, or [`names::OTHER`] when there is no such.
///
/// Every line within it shows the request id, and the trace id once [`set_parent`](crate::set_parent) knows it.
pub fn rpc_span(method: &str, request_id: &str) -> Span {
    macro_rules! span {
        ($target:expr) => {
            // The highest level: no filter by level takes it from the lines below it.
            error_span!(
                target: $target,
                "rpc",
                { names::OTEL_NAME } = if method == names::OTHER { GRPC } else { method },
                { names::OTEL_KIND } = "server",
                { names::RPC_SYSTEM_NAME } = GRPC,
                { names::RPC_METHOD } = method,
                { names::REQUEST_ID } = request_id,
                { names::RPC_STATUS_CODE } = Empty,
                { names::ERROR_TYPE } = Empty,
                { names::OTEL_STATUS_CODE } = Empty,
            )
        };
    }
    let span = if is_health_check(method) {
        span!(names::HEALTH_TARGET)
    } else {
        span!(names::RPC_TARGET)
    };
    let call = Call {
        request_id: request_id.to_owned(),
        trace_id: None,
        caller: TraceContext::default(),
    };
    call.keep(&span);
    span
}

/// A call that this process makes, of `package.Service/Method`, with all its attempts. `address` and `port` are what the
/// client was told, not the server that it found there.
pub fn client_span(method: &str, address: &str, port: u16) -> Span {
    debug_span!(
        target: names::CLIENT_TARGET,
        "call",
        { names::OTEL_NAME } = method,
        { names::OTEL_KIND } = "client",
        { names::RPC_SYSTEM_NAME } = GRPC,
        { names::RPC_METHOD } = method,
        { names::SERVER_ADDRESS } = address,
        { names::SERVER_PORT } = port,
        { names::NETWORK_PEER_ADDRESS } = Empty,
        { names::NETWORK_PEER_PORT } = Empty,
        { names::ATTEMPTS } = Empty,
        { names::RPC_STATUS_CODE } = Empty,
        { names::ERROR_TYPE } = Empty,
        { names::OTEL_STATUS_CODE } = Empty,
    )
}

/// Ends the `span` of a call to somebody else with its gRPC status, 0 to 16, the number of its attempts, and the server
/// that the last of them went to. For a client, every status but OK is an error, as the conventions say.
pub fn client_finished(span: &Span, code: i32, attempts: u32, peer: Option<SocketAddr>) {
    let name = status_name(code);
    span.record(names::RPC_STATUS_CODE, name);
    if code != 0 {
        span.record(names::ERROR_TYPE, name);
        span.record(names::OTEL_STATUS_CODE, "ERROR");
    }
    if attempts > 1 {
        span.record(names::ATTEMPTS, attempts);
    }
    if let Some(peer) = peer {
        span.record(names::NETWORK_PEER_ADDRESS, peer.ip().to_string());
        span.record(names::NETWORK_PEER_PORT, peer.port());
    }
}

/// The database that statements go to, as its URL names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatabaseServer {
    /// Its host, or the directory of its socket; `None` where there are several.
    pub address: Option<String>,
    /// Its port, where that is not 5432.
    pub port: Option<u16>,
    /// The name of the database.
    pub database: Option<String>,
}

/// Waiting for a connection of the pool. [`pool_failed`] ends a wait in vain.
pub fn pool_span(server: &DatabaseServer) -> Span {
    if span_enabled!(target: names::POOL_TARGET, Level::DEBUG) && is_background() {
        return Span::none();
    }
    debug_span!(
        target: names::POOL_TARGET,
        "pool_checkout",
        { names::DB_SYSTEM_NAME } = POSTGRESQL,
        { names::DB_NAMESPACE } = server.database.as_deref(),
        { names::SERVER_ADDRESS } = server.address.as_deref(),
        { names::SERVER_PORT } = server.port,
        { names::ERROR_TYPE } = Empty,
        { names::OTEL_STATUS_CODE } = Empty,
    )
}

/// Ends the `span` of a wait that gave no connection, with the sort of its error, of which there are few.
pub fn pool_failed(span: &Span, error: &str) {
    span.record(names::ERROR_TYPE, error);
    span.record(names::OTEL_STATUS_CODE, "ERROR");
}

/// A statement, by the name of its query: noun first, for example `follow_create`. `server` is `None` where nobody knows.
pub fn query_span(name: &'static str, server: Option<&DatabaseServer>) -> Span {
    if span_enabled!(target: names::QUERY_TARGET, Level::DEBUG) && is_background() {
        return Span::none();
    }
    debug_span!(
        target: names::QUERY_TARGET,
        "query",
        { names::OTEL_NAME } = name,
        { names::OTEL_KIND } = "client",
        { names::DB_SYSTEM_NAME } = POSTGRESQL,
        { names::DB_QUERY_SUMMARY } = name,
        { names::DB_NAMESPACE } = server.and_then(|server| server.database.as_deref()),
        { names::SERVER_ADDRESS } = server.and_then(|server| server.address.as_deref()),
        { names::SERVER_PORT } = server.and_then(|server| server.port),
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

/// Whether a span would be the root of a trace. What a service asks its database by itself, it asks every second; there is
/// nothing to learn from a trace of it.
fn is_background() -> bool {
    Span::current().is_none()
}

/// Milliseconds with three decimals.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
