use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kith_primitives::{Context, Failure, Reason};
use tonic::Status;

use super::{Inner, Layers, is_of_kith, refuse};
use crate::grpc_web::IsWeb;
use crate::{MAX_MESSAGE_BYTES, MAX_UNCOUNTED_MESSAGE_BYTES};

/// Bytes before each message: the compressed flag and the length.
const PREFIX_BYTES: usize = 5;

/// Takes in the whole request before the call begins, so that a caller who stops half-way leaves nothing behind:
/// no mutation that waits for the rest in a task that nobody can end.
pub(super) async fn receive(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let method = shared.methods.find(request.uri().path());
    if method.is_some_and(|method| method.streams()) {
        return inner.run(request).await;
    }
    let max_bytes = match is_of_kith(&request) {
        true => MAX_MESSAGE_BYTES,
        false => MAX_UNCOUNTED_MESSAGE_BYTES,
    };
    let (head, body) = request.into_parts();
    match Limited::new(body, max_bytes + PREFIX_BYTES).collect().await {
        Err(error) if error.is::<LengthLimitError>() => refuse(Failure::new(
            Reason::MessageTooLarge,
            format!("the request has more than {max_bytes} bytes"),
        )),
        Err(_) if head.extensions.get().is_some_and(IsWeb::is_no_text) => refuse(Failure::new(
            Reason::MessageUndecodable,
            "the request is not the base64 that its content type promises",
        )),
        // Nobody will read this answer; the access log does.
        Err(error) => Status::cancelled(error.to_string()).into_http(),
        Ok(_) if Context::time_left().is_some_and(|left| left.is_zero()) => refuse(Failure::new(
            Reason::DeadlineExceeded,
            "the deadline passed before the call began",
        )),
        Ok(whole) => inner.run(Request::from_parts(head, Body::new(whole))).await,
    }
}
