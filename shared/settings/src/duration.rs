//! Durations as people write them.

use std::fmt;
use std::time::Duration;

/// The units, largest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `250ms`, `5s`, `2m` or `1h`: a whole number and a unit, nothing else.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| only_digits)?;
    number.checked_mul(*millis).map(Duration::from_millis)
}

/// Shows a duration as [`parse`] reads it; parts of a millisecond are left out.
pub(crate) struct Readable(pub(crate) Duration);

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = UNITS
            .iter()
            .find(|(_, unit)| millis > 0 && millis.is_multiple_of(u128::from(*unit)));
        let (unit, in_millis) = whole.unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", millis / u128::from(*in_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_it_is_shown() {
        for text in ["0s", "1ms", "250ms", "1500ms", "5s", "90s", "2m", "1h", "36h"] {
            let duration = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(Readable(duration).to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            " 5s",
            "5s ",
            "-5s",
            "+5s",
            "1.5s",
            "5S",
            "5d",
            "1h30m",
            "99999999999999999999s",
            "9999999999999999h",
            "٥s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
