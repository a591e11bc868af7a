//! How an attempt at a call ended.

use std::error::Error;

use bytes::Bytes;
use http::response::Parts;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::MAX_MESSAGE_BYTES;

/// What gRPC puts before each message.
const PREFIX_BYTES: usize = 5;

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The server answered, with a status if it is not OK.
    Answered(Response<Body>, Option<Status>),
    /// There was no server to send it to.
    Unreachable(Status),
    /// The server did not take it: it was certainly not executed.
    NotTaken(Status),
    /// The connection broke when the server may have begun, or have finished.
    Broken(Status),
    /// What the answer is cannot be changed by another attempt.
    Unusable(Status),
}

impl Outcome {
    /// What the caller gets.
    pub(crate) fn into_result(self) -> Result<Response<Body>, Status> {
        match self {
            Outcome::Answered(response, _) => Ok(response),
            Outcome::Unreachable(status)
            | Outcome::NotTaken(status)
            | Outcome::Broken(status)
            | Outcome::Unusable(status) => Err(status),
        }
    }

    /// The status of an answer that is not OK.
    pub(crate) fn refusal(&self) -> Option<&Status> {
        match self {
            Outcome::Answered(_, refusal) => refusal.as_ref(),
            _ => None,
        }
    }

    /// The code of an answer that is not OK, of a stream as far as it is known when its answer begins.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Outcome::Answered(_, Some(refusal)) => Some(refusal.code()),
            Outcome::Answered(response, None) => {
                let status = Status::from_header_map(response.headers());
                status
                    .map(|status| status.code())
                    .filter(|code| *code != Code::Ok)
            }
            _ => None,
        }
    }

    /// An attempt whose answer does not come.
    pub(crate) fn of_error(error: &hyper::Error, was_kept: bool) -> Self {
        if was_kept || was_refused(error) {
            let cause = kith_primitives::chain(error);
            Outcome::NotTaken(Status::unavailable(format!(
                "the connection was closed before the call was taken: {cause}"
            )))
        } else {
            Self::broken(error)
        }
    }

    fn broken(error: &hyper::Error) -> Self {
        let cause = kith_primitives::chain(error);
        Outcome::Broken(Status::unavailable(format!(
            "the connection broke, and the call may have been executed: {cause}"
        )))
    }

    /// Reads a unary answer to its end, where its status is.
    pub(crate) async fn of_answer(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        match Limited::new(body, MAX_MESSAGE_BYTES + PREFIX_BYTES)
            .collect()
            .await
        {
            Ok(collected) => {
                let trailers = collected.trailers().cloned();
                let status = Status::from_header_map(&head.headers)
                    .or_else(|| trailers.as_ref().and_then(Status::from_header_map))
                    .or_else(|| status_of_proxy(&head));
                let body =
                    Full::new(collected.to_bytes()).with_trailers(std::future::ready(trailers.map(Ok)));
                let is_ok = status.as_ref().is_none_or(|status| status.code() == Code::Ok);
                Outcome::Answered(
                    Response::from_parts(head, Body::new(body)),
                    status.filter(|_| !is_ok),
                )
            }
            Err(error) => match error.downcast::<hyper::Error>() {
                // Whatever it says of the stream: a server that has begun to answer took the call.
                Ok(error) => Self::broken(&error),
                Err(_) => Outcome::Unusable(too_large("answer")),
            },
        }
    }
}

/// Takes in the request of a unary call, so that it can be sent again.
pub(crate) async fn whole(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, MAX_MESSAGE_BYTES + PREFIX_BYTES)
        .collect()
        .await
    {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large("request")),
        Err(error) => Err(Status::from_error(error)),
    }
}

fn too_large(what: &str) -> Status {
    Status::resource_exhausted(format!("the {what} is larger than {MAX_MESSAGE_BYTES} bytes"))
}

/// Whether the server said that it did nothing: it refused the stream, or began to close the connection before it.
fn was_refused(error: &hyper::Error) -> bool {
    let Some(error) = error
        .source()
        .and_then(|source| source.downcast_ref::<h2::Error>())
    else {
        return false;
    };
    let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (refused || error.is_go_away())
}

/// Proxies answer without a gRPC status when they cannot reach the server.
fn status_of_proxy(head: &Parts) -> Option<Status> {
    let is_passing = matches!(
        head.status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    is_passing.then(|| Status::unavailable(format!("HTTP status {}", head.status)))
}
