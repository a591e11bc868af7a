use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures::StreamExt;
use http::HeaderMap;
use http_body_util::{BodyStream, StreamBody};
use hyper::body::{Bytes, Frame};
use kith_primitives::{Failure, Reason, RequestId};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Code, Status};

use super::{Inner, Layers, request_id};
use crate::status;

/// Ends streams when the server drains, which would otherwise wait for callers that never hang up, and makes the
/// final status of those that fail, as `explain` does for calls that fail before their answer begins.
pub(super) async fn end_streams(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let method = shared.methods.find(request.uri().path());
    if !method.is_some_and(|method| method.streams()) {
        return inner.run(request).await;
    }
    let (id, path) = (request_id(&request), request.uri().path().to_owned());
    let questions = |body| BodyStream::new(body).take_until(shared.drain.clone().cancelled_owned());
    let request = request.map(|body| Body::new(StreamBody::new(questions(body))));
    let response = inner.run(request).await;
    if response.extensions().get::<Status>().is_some() {
        return response;
    }
    let drain = Box::pin(shared.drain.clone().cancelled_owned());
    response.map(|body| {
        Body::new(Answers {
            body,
            drain: Some(drain),
            path,
            id,
        })
    })
}

/// The answers of a streaming call.
struct Answers {
    body: Body,
    /// `None` once the stream was ended because of it.
    drain: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    path: String,
    id: RequestId,
}

impl Answers {
    fn explained(&self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let status = frame.trailers_ref().and_then(Status::from_header_map);
        match status {
            Some(status) if status.code() != Code::Ok => self.trailers(&status),
            _ => frame,
        }
    }

    fn trailers(&self, status: &Status) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        // It fails for metadata that no header can hold, and an explained status has none.
        let _ = status::explain(status, &self.path, &self.id).add_header(&mut trailers);
        Frame::trailers(trailers)
    }
}

impl hyper::body::Body for Answers {
    type Data = Bytes;
    type Error = axum::Error;

    /// What the stream has to say comes first, so that a watcher of health learns why it ends.
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(drain) = self.drain.as_mut() else {
            return Poll::Ready(None);
        };
        let draining = drain.as_mut().poll(cx).is_ready();
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(self.explained(frame)))),
            Poll::Pending if draining => {
                self.drain = None;
                Poll::Ready(Some(Ok(self.trailers(&stopping()))))
            }
            other => other,
        }
    }
}

fn stopping() -> Status {
    let failure = Failure::new(Reason::ServiceNotReady, "the service is stopping");
    status::carry(failure.with_retry_after(Duration::from_secs(1)))
}
