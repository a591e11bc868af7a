use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::response::Response;
use futures::FutureExt;
use kith_primitives::Failure;

use super::{Inner, Layers, refuse};

/// Turns a panic into INTERNAL: one call fails, the connection and all others live on.
pub(super) async fn catch_panics(State(_): Layers, request: Request, inner: Inner) -> Response {
    caught(inner.run(request)).await
}

/// The answer of `call`, or the one that stands for its panic.
pub(super) async fn caught(call: impl Future<Output = Response>) -> Response {
    // Nothing of the call is used after a panic, so it cannot be seen in a broken state.
    match AssertUnwindSafe(call).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => refuse(Failure::internal(format!("panic: {}", text(panic.as_ref())))),
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}
