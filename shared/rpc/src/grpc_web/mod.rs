//! gRPC-Web: the same calls in the form that browsers can make, over HTTP/1.1 as well.
//!
//! It is a translation around all layers: a call is held to the same limits, deadlines and rules in either form.

mod origins;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::stream;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use kith_primitives::{RequestId, excerpt};
use kith_telemetry::names;
use tonic::Status;
use tonic_web::GrpcWebLayer;
use tower_http::cors::CorsLayer;

pub use self::origins::Origins;
pub(crate) use self::origins::{read, setting};
use crate::layers::{REQUEST_ID, id_for};

/// What a page may send with a call: what gRPC-Web clients add by themselves, and what a caller may say.
const TAKEN: [HeaderName; 8] = [
    CONTENT_TYPE,
    AUTHORIZATION,
    HeaderName::from_static("grpc-timeout"),
    HeaderName::from_static("x-grpc-web"),
    HeaderName::from_static("x-user-agent"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static(REQUEST_ID),
];
/// The parts of a status.
const STATUS: [HeaderName; 3] = [
    Status::GRPC_STATUS,
    Status::GRPC_MESSAGE,
    Status::GRPC_STATUS_DETAILS,
];
/// How long a browser may remember what it may send. Chromium does so for two hours at most.
const PREFLIGHT_AGE: Duration = Duration::from_secs(2 * 3600);

/// A call that is answered as gRPC-Web, in its extensions.
#[derive(Clone, Default)]
pub(crate) struct IsWeb {
    /// Whether its caller went away before the whole request was here.
    is_cut: Arc<AtomicBool>,
}

impl IsWeb {
    /// Whether a request that could not be taken in was sent whole: then it is no base64.
    pub(crate) fn is_no_text(&self) -> bool {
        !self.is_cut.load(Ordering::Relaxed)
    }
}

/// Puts gRPC-Web around `router`, for pages of `origins`.
pub(crate) fn wrap(router: Router, origins: &Origins) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(origins.values().collect::<Vec<_>>())
        .allow_methods([Method::POST])
        .allow_headers(TAKEN)
        .expose_headers([&STATUS[..], &[HeaderName::from_static(REQUEST_ID)]].concat())
        .max_age(PREFLIGHT_AGE);
    router
        .layer(from_fn(status_last))
        .layer(GrpcWebLayer::new())
        // Around everything that asks for a token, which a preflight does not carry.
        .layer(cors)
        // The outermost: a page of another origin that asks first is seen there, and nowhere else.
        .layer(from_fn_with_state(Arc::new(origins.clone()), let_in))
}

/// Refuses pages of other origins, already when their browsers ask whether they may call.
async fn let_in(State(origins): State<Arc<Origins>>, mut request: Request, inner: Next) -> Response {
    let wish = request.headers().get(REQUEST_ID).cloned();
    if let Some(origin) = origins.stranger(request.headers()) {
        let id = id_for(wish.as_ref());
        let origin = String::from_utf8_lossy(origin.as_bytes());
        // Visible by default, since it may be misspelt in the settings.
        tracing::info!(
            { { names::REQUEST_ID } = id.as_str(), origin = &*excerpt(&origin) },
            "a web page of an origin that is not named was refused",
        );
        return with_id(StatusCode::FORBIDDEN.into_response(), &id);
    }
    let content_type = request.headers().get(CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web")) {
        let web = IsWeb::default();
        let is_cut = Arc::clone(&web.is_cut);
        request.extensions_mut().insert(web);
        let cut = move |error| {
            is_cut.store(true, Ordering::Relaxed);
            error
        };
        request = request.map(|body| Body::new(body.map_err(cut)));
    }
    let response = inner.run(request).await;
    let status = response.status();
    if !status.is_client_error() || response.headers().contains_key(REQUEST_ID) {
        return response;
    }
    // The translation answers by itself what is no call, such as a GET.
    let id = id_for(wish.as_ref());
    tracing::info!(
        { { names::REQUEST_ID } = id.as_str(), status = status.as_u16() },
        "a request that is no call was refused",
    );
    with_id(response, &id)
}

/// For what is answered outside of `observe`.
fn with_id(mut response: Response, id: &RequestId) -> Response {
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Moves the status of a refusal to where that of an answer is, behind the messages: clients of gRPC-Web need not look at
/// two places then. The request id stays with the headers, as that of an answer does: clients put both together, and would show it
/// twice.
async fn status_last(request: Request, inner: Next) -> Response {
    let is_web = request.extensions().get::<IsWeb>().is_some();
    let mut response = inner.run(request).await;
    if !is_web || !response.headers().contains_key(Status::GRPC_STATUS) {
        return response;
    }
    let headers = response.headers_mut();
    let mut trailers = HeaderMap::new();
    for name in STATUS {
        if let Some(value) = headers.remove(&name) {
            trailers.insert(name, value);
        }
    }
    let last = stream::iter([Ok::<_, Infallible>(Frame::<Bytes>::trailers(trailers))]);
    response.map(|_| Body::new(StreamBody::new(last)))
}
