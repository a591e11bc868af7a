use axum::extract::{Request, State};
use axum::response::Response;
use kith_primitives::{Context, Failure, Kind, chain};
use kith_telemetry::names;
use tokio::sync::oneshot;
use tonic::Status;
use tracing::{Instrument, Span, error, info};

use super::catch_panics::caught;
use super::{Inner, Layers, refuse};
use crate::limits::Place;
use crate::status::carried;

/// Runs every mutation in a task of its own, so that a caller who hangs up cannot stop it half-way.
///
/// The tasks are tracked: shutdown waits for them.
pub(super) async fn detach(State(shared): Layers, mut request: Request, inner: Inner) -> Response {
    let read_only = shared
        .methods
        .find(request.uri().path())
        .is_some_and(|method| method.read_only);
    if read_only {
        return inner.run(request).await;
    }
    let place = request.extensions_mut().remove::<Place>();
    let (answer, answered) = oneshot::channel();
    let call = async move {
        let response = caught(inner.run(request)).await;
        // Only now: a call whose caller has left takes its place too, until it ends.
        drop(place);
        if let Err(unheard) = answer.send(response) {
            log(&unheard);
        }
    };
    let call = call.instrument(Span::current());
    match Context::current() {
        Some(context) => shared.mutations.spawn(context.scope(call)),
        None => shared.mutations.spawn(call),
    };
    let lost = |_| {
        refuse(Failure::internal(
            "the task of a mutation ended without an answer",
        ))
    };
    answered.await.unwrap_or_else(lost)
}

/// The access log has said CANCELLED or DEADLINE_EXCEEDED by now; here is what became of the change.
fn log(unheard: &Response) {
    let status = unheard.extensions().get::<Status>();
    let Some(failure) = status.and_then(carried) else {
        return info!("the call went on without its caller, and ended");
    };
    let cause = failure.cause().map(|cause| chain(cause));
    macro_rules! line {
        ($level:ident) => {
            $level!(
                { { names::ERROR_REASON } = failure.reason().slug(), { names::ERROR_CAUSE } = cause },
                "the call went on without its caller, and failed",
            )
        };
    }
    if failure.kind() == Kind::Internal {
        line!(error);
    } else {
        line!(info);
    }
}
