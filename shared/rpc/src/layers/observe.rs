use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use http_body_util::BodyExt;
use kith_primitives::{Caller, Failure, Reason, RequestId, ServiceCaller, UserCaller, chain};
use kith_telemetry::RunningCall;
use tonic::{Code, Status};
use tracing::{Instrument, Span};

use super::{Inner, KnownCaller, Layers};
use crate::status::carried;

/// Metadata key of the request id, in requests (a wish) and in answers (the truth).
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Gives the call its request id and span, counts it, and writes its one line in the access log.
pub(super) async fn observe(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    let id = id_for(request.headers().get(REQUEST_ID));
    let caller = KnownCaller::default();
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(caller.clone());

    let mut counted = shared.counted.of(request.uri().path()).begin();
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
    if line
        .failure()
        .is_some_and(|failure| failure.reason() == Reason::MessageUndecodable)
    {
        counted.undecodable();
    }
    let is_stream = method.as_ref().is_some_and(|method| method.streams());
    if is_stream && line.code() == Code::Ok {
        response = response.map(|body| Body::new(counted_to_its_end(body, counted)));
    } else {
        counted.answered(line.code() as i32);
    }
    drop(line);
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The id that a caller wishes for, or else a random one.
pub(crate) fn id_for(wish: Option<&HeaderValue>) -> RequestId {
    wish.and_then(|id| id.to_str().ok())
        .and_then(RequestId::from_caller)
        .unwrap_or_else(RequestId::random)
}

/// A stream is handled when it ends, with what it says then; as cancelled when its caller leaves.
fn counted_to_its_end(
    body: Body,
    mut counted: RunningCall,
) -> impl HttpBody<Data = Bytes, Error = axum::Error> {
    body.map_frame(move |frame| {
        if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
            counted.answered(status.code() as i32);
        }
        frame
    })
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
    fn failure(&self) -> Option<&Failure> {
        let status = self.ended.as_ref().and_then(Option::as_ref);
        status.and_then(carried).map(AsRef::as_ref)
    }

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
        let failure = self.failure();
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
