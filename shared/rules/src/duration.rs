//! Parsers of durations, each with the rule that the database holds for the time which it leads to.

use kith_primitives::{Invalid, Reason};

use crate::Rule;

const MICROS_OF_A_SECOND: i128 = 1_000_000;
const MAX_DAYS: i128 = 3650;
const MAX_MICROS: i128 = MAX_DAYS * 24 * 3600 * MICROS_OF_A_SECOND;

/// Takes a duration of more than 0 and at most 3,650 days, and answers its microseconds. Parts of one are cut off.
///
/// # Errors
/// [`Invalid`] by `positive` when nothing is left of it, or when it is longer.
pub fn ttl_micros(seconds: i64, nanos: i32, positive: &Rule) -> Result<i64, Invalid> {
    let micros = i128::from(seconds) * MICROS_OF_A_SECOND + i128::from(nanos / 1000);
    if micros <= 0 {
        return Err(positive.invalid());
    }
    let too_long = || Invalid::new(Reason::DurationInvalid, "must be at most 3,650 days");
    let micros = Some(micros).filter(|micros| *micros <= MAX_MICROS);
    let micros = micros.and_then(|micros| i64::try_from(micros).ok());
    micros.ok_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::social_graph::MUTES_EXPIRES_LATER;

    const MAX_SECONDS: i64 = 3650 * 24 * 3600;

    #[test]
    fn a_ttl_is_more_than_nothing_and_at_most_ten_years() {
        let micros = |seconds, nanos| ttl_micros(seconds, nanos, &MUTES_EXPIRES_LATER);
        assert_eq!(micros(0, 1_999), Ok(1));
        assert_eq!(micros(1, -1_000), Ok(999_999));
        assert_eq!(micros(MAX_SECONDS, 0), Ok(MAX_SECONDS * 1_000_000));
        for (seconds, nanos) in [(0, 0), (0, 999), (-1, 0), (0, -1_000), (i64::MIN, i32::MIN)] {
            let broken = micros(seconds, nanos).map_err(|invalid| invalid.constraint);
            assert_eq!(
                broken,
                Err(Some("social_graph_mutes_expires_later")),
                "{seconds} {nanos}"
            );
        }
        for (seconds, nanos) in [(MAX_SECONDS, 1_000), (i64::MAX, i32::MAX)] {
            let broken = micros(seconds, nanos).map_err(|invalid| (invalid.reason, invalid.constraint));
            assert_eq!(broken, Err((Reason::DurationInvalid, None)), "{seconds} {nanos}");
        }
    }
}
