use kith_primitives::{Invalid, Reason};
use kith_rules::messaging::MEMBERS_MUTE_EXPIRES_LATER;

const MICROS_OF_A_SECOND: i128 = 1_000_000;
const MAX_DAYS: i128 = 3650;
const MAX_MICROS: i128 = MAX_DAYS * 24 * 3600 * MICROS_OF_A_SECOND;

/// How long the mute of a conversation lasts, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MuteTtl(i64);

impl MuteTtl {
    /// More than 0 and at most 3,650 days. Parts of a microsecond are cut off.
    pub(crate) fn parse(seconds: i64, nanos: i32) -> Result<Self, Invalid> {
        let micros = i128::from(seconds) * MICROS_OF_A_SECOND + i128::from(nanos / 1000);
        if micros <= 0 {
            return Err(MEMBERS_MUTE_EXPIRES_LATER.invalid());
        }
        let too_long = || Invalid::new(Reason::DurationInvalid, "must be at most 3,650 days");
        let micros = Some(micros).filter(|micros| *micros <= MAX_MICROS);
        let micros = micros.and_then(|micros| i64::try_from(micros).ok());
        micros.map(Self).ok_or_else(too_long)
    }

    pub(crate) fn micros(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_SECONDS: i64 = 3650 * 24 * 3600;

    #[test]
    fn a_ttl_is_more_than_nothing_and_at_most_ten_years() {
        let micros = |seconds, nanos| MuteTtl::parse(seconds, nanos).map(MuteTtl::micros);
        assert_eq!(micros(0, 1_999), Ok(1));
        assert_eq!(micros(1, -1_000), Ok(999_999));
        assert_eq!(micros(MAX_SECONDS, 0), Ok(MAX_SECONDS * 1_000_000));
        for (seconds, nanos) in [(0, 0), (0, 999), (-1, 0), (0, -1_000), (i64::MIN, i32::MIN)] {
            let broken = micros(seconds, nanos).map_err(|invalid| invalid.constraint);
            assert_eq!(
                broken,
                Err(Some("messaging_members_mute_expires_later")),
                "{seconds} {nanos}"
            );
        }
        for (seconds, nanos) in [(MAX_SECONDS, 1_000), (i64::MAX, i32::MAX)] {
            let broken = micros(seconds, nanos).map_err(|invalid| (invalid.reason, invalid.constraint));
            assert_eq!(broken, Err((Reason::DurationInvalid, None)), "{seconds} {nanos}");
        }
    }
}
