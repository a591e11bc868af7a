use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderMap;
use kith_primitives::{Context, Failure, Reason};
use tokio::time::{Instant, timeout_at};

use super::{Inner, Layers, refuse, request_id};
use crate::connections::Peer;

/// Ends the wait at the caller's deadline, or at ours, and lets everything beneath know how much time is left.
///
/// A mutation that has begun goes on in its own task; its statements carry the same deadline.
pub(super) async fn deadline(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let timeout = match parse(request.headers()) {
        Ok(wish) => wish.unwrap_or(shared.default_deadline).min(shared.max_deadline),
        Err(failure) => return refuse(failure),
    };
    let deadline = Instant::now() + timeout;
    let context = Context {
        request_id: request_id(&request),
        deadline,
        peer: request.extensions().get::<Peer>().map(|peer| peer.0),
        client: None,
    };
    match timeout_at(deadline, context.scope(inner.run(request))).await {
        Ok(response) => response,
        Err(_) => refuse(Failure::new(
            Reason::DeadlineExceeded,
            "the deadline passed before the call was done",
        )),
    }
}

/// Reads `grpc-timeout`: 1 to 8 digits and a unit, as the gRPC specification has it.
fn parse(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    let Some(header) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let malformed = || {
        Failure::new(
            Reason::DeadlineMalformed,
            "grpc-timeout must be 1 to 8 digits and one of H M S m u n",
        )
    };
    let text = header.to_str().map_err(|_| malformed())?;
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(malformed)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let number: u64 = digits.parse().map_err(|_| malformed())?;
    let timeout = match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return Err(malformed()),
    };
    Ok(Some(timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<Duration>, Reason> {
        let value = http::HeaderValue::from_bytes(text.as_bytes()).expect("a header");
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), value)]);
        parse(&headers).map_err(|failure| failure.reason())
    }

    #[test]
    fn every_unit_of_the_specification_is_read() {
        let seconds = |seconds| Ok(Some(Duration::from_secs(seconds)));
        assert_eq!(
            (parsed("1H"), parsed("2M"), parsed("3S")),
            (seconds(3600), seconds(120), seconds(3))
        );
        assert_eq!(parsed("4m"), Ok(Some(Duration::from_millis(4))));
        assert_eq!(parsed("99999999u"), Ok(Some(Duration::from_micros(99_999_999))));
        assert_eq!(parsed("0n"), Ok(Some(Duration::ZERO)));
    }

    #[test]
    fn what_cannot_be_read_is_refused_and_not_ignored() {
        for text in ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "１S", "+1S"] {
            assert_eq!(parsed(text), Err(Reason::DeadlineMalformed), "{text}");
        }
    }
}
