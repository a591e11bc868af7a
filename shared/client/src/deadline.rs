//! When a call must be done.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use kith_primitives::Context;
use tokio::time::Instant;

const GRPC_TIMEOUT: &str = "grpc-timeout";

/// When a call must be done, and whether the server is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    is_told: bool,
}

impl Deadline {
    /// The earliest of what the caller says in `headers`, what is left of the call that this one is made for, and
    /// `longest`. The server is not told the last, so that its own default holds for calls that say nothing.
    pub(crate) fn of(headers: &HeaderMap, longest: Duration) -> Self {
        let wish = headers.get(GRPC_TIMEOUT).and_then(parse);
        let told = [wish, Context::time_left()].into_iter().flatten().min();
        Self {
            at: Instant::now() + told.unwrap_or(longest).min(longest),
            is_told: told.is_some(),
        }
    }

    /// Tells the server how much time is left.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        if self.is_told {
            let left = self.at.saturating_duration_since(Instant::now());
            headers.insert(GRPC_TIMEOUT, encode(left));
        }
    }
}

/// Reads 1 to 8 digits and a unit. What cannot be read is left for the server to refuse.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Writes it in the finest unit for which 8 digits do.
fn encode(left: Duration) -> HeaderValue {
    const MORE_THAN_8_DIGITS: u128 = 100_000_000;
    let units = [(left.as_micros(), "u"), (left.as_millis(), "m")];
    let fine = units.into_iter().find(|(number, _)| *number < MORE_THAN_8_DIGITS);
    let (number, unit) = fine.unwrap_or((u128::from(left.as_secs()).min(MORE_THAN_8_DIGITS - 1), "S"));
    // Digits and a letter are always good.
    HeaderValue::try_from(format!("{number}{unit}")).unwrap_or(HeaderValue::from_static("0u"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        for (time, text) in [
            (Duration::ZERO, "0u"),
            (Duration::from_millis(250), "250000u"),
            (Duration::from_secs(99), "99000000u"),
            (Duration::from_secs(3600), "3600000m"),
            (Duration::from_secs(200_000), "200000S"),
        ] {
            let written = encode(time);
            assert_eq!(written, text);
            assert_eq!(parse(&written), Some(time));
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_server() {
        for text in ["", "S", "1", "1s", "-1S", "123456789S"] {
            assert_eq!(parse(&HeaderValue::from_static(text)), None, "{text:?}");
        }
    }

    // Control: a deadline that does not look at the context; the server was not told.
    #[tokio::test]
    async fn a_call_within_a_call_has_no_more_time_than_that() {
        let outer = Context {
            request_id: kith_primitives::RequestId::random(),
            deadline: Instant::now() + Duration::from_secs(5),
            peer: None,
        };
        let longest = Duration::from_secs(60);
        let headers = HeaderMap::new();
        let inner = outer
            .clone()
            .scope(async { Deadline::of(&headers, longest) })
            .await;
        assert!(inner.is_told && inner.at <= outer.deadline + Duration::from_millis(1));
        assert!(!Deadline::of(&headers, longest).is_told);
    }
}
