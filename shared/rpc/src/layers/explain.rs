use axum::extract::{Request, State};
use axum::response::Response;
use tonic::Status;

use super::{Inner, Layers, request_id};
use crate::status;

/// Makes the final status of every failed call, also of those that tonic refused by itself.
pub(super) async fn explain(State(_): Layers, request: Request, inner: Inner) -> Response {
    let id = request_id(&request);
    let path = request.uri().path().to_owned();
    let response = inner.run(request).await;
    match response.extensions().get::<Status>() {
        None => response,
        Some(refused) => status::explain(refused, &path, &id).into_http(),
    }
}
