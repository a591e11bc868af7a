use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use kith_primitives::{Failure, Reason};

use super::{Inner, Layers, is_of_kith, refuse};

/// Refuses calls until the service has been ready once: before its migrations are there, answers would be INTERNAL.
///
/// Later losses are not judged here. A database that went away fails its calls by itself, and one that comes back
/// serves again at once.
pub(super) async fn readiness(State(shared): Layers, request: Request, inner: Inner) -> Response {
    if is_of_kith(&request) && !shared.readiness.has_been_ready() {
        let missing = shared.readiness.missing().join(", ");
        let failure = Failure::new(
            Reason::ServiceNotReady,
            format!("the service is still waiting for: {missing}"),
        );
        return refuse(failure.with_retry_after(Duration::from_secs(1)));
    }
    inner.run(request).await
}
