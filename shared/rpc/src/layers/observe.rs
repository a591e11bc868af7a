use std::time::Instant;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use kith_primitives::{Caller, RequestId, ServiceCaller, UserCaller, chain};
use tonic::{Code, Status};
use tracing::{Instrument, Span};

use super::{Inner, KnownCaller, Layers};
use crate::status::carried;

/// Metadata key of the request id, in requests (a wish) and in answers (the truth).
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Gives the call its request id and span, and writes its one line in the access log.
pub(super) async fn observe(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    let wish = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = wish
        .and_then(RequestId::from_caller)
        .unwrap_or_else(RequestId::random);
    let caller = KnownCaller::default();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(caller.clone());

    let method = shared.methods.find(request.uri().path());
    let name = method
        .as_ref()
        .map_or(kith_telemetry::names::OTHER, |method| method.name.as_str());
    let span = kith_telemetry::rpc_span(name, id.as_str());
    kith_telemetry::set_parent(&span, kith_telemetry::extract(request.headers()));

    let mut line = Line {
        method: name,
        id: &id,
        caller,
        span: span.clone(),
        start: Instant::now(),
        ended: None,
    };
    let mut response = inner.run(request).instrument(span).await;
    line.ended = Some(response.extensions().get::<Status>().cloned());
    drop(line);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The line of a call. It is written when this is dropped, which also happens when the caller goes away.
struct Line<'a> {
    method: &'a str,
    id: &'a RequestId,
    caller: KnownCaller,
    span: Span,
    start: Instant,
    /// `None` until there is an answer, and then the status if it is not OK.
    ended: Option<Option<Status>>,
}

impl Line<'_> {
    fn code(&self) -> Code {
        match &self.ended {
            None => Code::Cancelled,
            Some(None) => Code::Ok,
            Some(Some(status)) => status.code(),
        }
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        let failure = self.ended.as_ref().and_then(Option::as_ref).and_then(carried);
        let caller = self.caller.0.get();
        let user_id = |user: &UserCaller| user.user_id.get();
        let service_id = |service: &ServiceCaller| service.service_id.get();
        let call = kith_telemetry::RpcFinished {
            method: self.method,
            request_id: self.id.as_str(),
            user_id: caller.and_then(Caller::user).map(user_id),
            service_id: caller.and_then(Caller::service).map(service_id),
            code: self.code() as i32,
            reason: failure.map_or("", |failure| failure.reason().slug()),
            duration: self.start.elapsed(),
            cause: failure
                .and_then(|failure| failure.cause())
                .map(|cause| chain(cause))
                .unwrap_or_default(),
        };
        self.span.in_scope(|| kith_telemetry::rpc_finished(&call));
    }
}
