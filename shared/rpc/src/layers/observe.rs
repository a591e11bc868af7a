use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use kith_primitives::{Failure, RequestId};
use tonic::{Code, Status};
use tracing::Instrument;

use super::{Inner, Layers};
use crate::status::{carried, code};

/// Metadata key of the request id, in requests (a wish) and in answers (the truth).
const REQUEST_ID: &str = "x-request-id";

/// Gives the call its request id and span, and writes its one line in the access log.
pub(super) async fn observe(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    let wish = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = wish
        .and_then(RequestId::from_caller)
        .unwrap_or_else(RequestId::random);
    request.extensions_mut().insert(id.clone());

    let method = shared.methods.find(request.uri().path());
    let name = method
        .as_ref()
        .map_or(kith_telemetry::names::OTHER, |method| method.name.as_str());
    let span = kith_telemetry::rpc_span(name, id.as_str());
    kith_telemetry::set_parent(&span, kith_telemetry::extract(request.headers()));

    let start = Instant::now();
    let mut response = inner.run(request).instrument(span.clone()).await;
    span.in_scope(|| log(name, &id, start, &response));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn log(name: &str, id: &RequestId, start: Instant, response: &Response) {
    let status = response.extensions().get::<Status>();
    let failure = status.and_then(carried).map(AsRef::as_ref);
    let outcome = failure.map_or(Code::Ok, |failure| code(failure.kind()));
    kith_telemetry::rpc_finished(&kith_telemetry::RpcFinished {
        method: name,
        request_id: id.as_str(),
        code: outcome as i32,
        reason: failure.map_or("", |failure| failure.reason().slug()),
        duration: start.elapsed(),
        cause: failure.and_then(Failure::cause).map(chain).unwrap_or_default(),
    });
}

/// The whole chain of causes on one line.
fn chain(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let mut text = cause.to_string();
    let mut next = cause.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
