use std::panic::resume_unwind;

use axum::extract::{Request, State};
use axum::response::Response;
use kith_primitives::{Context, Failure};
use tracing::{Instrument, Span};

use super::{Inner, Layers, refuse};

/// Runs every mutation in a task of its own, so that a caller who hangs up cannot stop it half-way.
///
/// The tasks are tracked: shutdown waits for them.
pub(super) async fn detach(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let read_only = shared
        .methods
        .find(request.uri().path())
        .is_some_and(|method| method.read_only);
    if read_only {
        return inner.run(request).await;
    }
    let call = inner.run(request).instrument(Span::current());
    let task = match Context::current() {
        Some(context) => shared.mutations.spawn(context.scope(call)),
        None => shared.mutations.spawn(call),
    };
    match task.await {
        Ok(response) => response,
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        Err(error) => refuse(Failure::internal(error)),
    }
}
