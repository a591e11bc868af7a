//! The admin port: health and metrics for those who watch a service, in plaintext, over HTTP/1.1 and HTTP/2.
//!
//! It tells nothing of users, and takes nothing: whatever a request brings is left unread.

mod connections;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use kith_telemetry::{METRICS_CONTENT_TYPE, Metrics};
use kith_tokens::SharedKeys;
use tokio_util::sync::CancellationToken;
use tonic_health::pb::health_server::{Health, HealthServer};

pub(crate) use self::connections::serve;
use crate::health::Readiness;

/// What can be asked for.
const PATHS: &str = "/metrics  what is counted and measured, for Prometheus
/livez    200 while the process runs
/readyz   200 while it serves, or 503 and what is missing
and grpc.health.v1
";

/// What the answers are made of.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    /// Cancelled when it is time to stop.
    pub(crate) shutdown: CancellationToken,
}

impl Watched {
    /// Has the metrics say the same.
    pub(crate) fn tell_metrics(&self, keys: &SharedKeys) {
        let (readiness, shutdown) = (self.readiness.clone(), self.shutdown.clone());
        self.metrics
            .watch_readiness(move || is_ready(&readiness, &shutdown));
        let (readiness, keys) = (self.readiness.clone(), keys.clone());
        self.metrics.watch_dependencies(move || readiness.parts());
        self.metrics.watch_signing_keys(move || keys.age());
    }
}

/// Readiness turns with the signal to stop, while the port for calls is open still.
fn is_ready(readiness: &Readiness, shutdown: &CancellationToken) -> bool {
    readiness.is_ready() && !shutdown.is_cancelled()
}

/// Answers all paths. `health` is that of the port for calls.
pub(crate) fn router(watched: Watched, health: HealthServer<impl Health>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .method_not_allowed_fallback(wrong_method)
        .route_service("/grpc.health.v1.Health/{*method}", health)
        .fallback(unknown)
        .with_state(watched)
}

async fn metrics(State(watched): State<Watched>) -> Response {
    let text = watched.metrics.text();
    (
        [(CONTENT_TYPE, HeaderValue::from_static(METRICS_CONTENT_TYPE))],
        text,
    )
        .into_response()
}

/// Whoever can say so lives; of anything that could be mended without a restart it says nothing.
async fn livez() -> &'static str {
    "alive\n"
}

async fn readyz(State(watched): State<Watched>) -> Response {
    if is_ready(&watched.readiness, &watched.shutdown) {
        return "ready\n".into_response();
    }
    let missing = watched.readiness.missing();
    let mut lines: String = missing
        .iter()
        .map(|part| format!("{part}: not ready\n"))
        .collect();
    if watched.shutdown.is_cancelled() {
        lines.push_str("the service is stopping\n");
    }
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}

async fn wrong_method(method: Method) -> Response {
    let text = format!("{method} is not for here\n");
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")], text).into_response()
}

async fn unknown() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, PATHS)
}
