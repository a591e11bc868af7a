//! Times in the cursors of pages.

use chrono::{DateTime, Utc};
use kith_primitives::{Cursor, Page};

/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, the range of protobuf's timestamps.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// The cursor of the row with this time and key.
pub fn cursor(created_at: DateTime<Utc>, key: i64) -> Cursor {
    Cursor {
        created_at_micros: created_at.timestamp_micros(),
        key,
    }
}

/// The time that a cursor holds, for the comparison in SQL.
///
/// Anybody can make up a cursor. A time that no row can have becomes the nearest one of the years 1 to 9999, since
/// PostgreSQL would refuse it with an error.
pub fn cursor_time(cursor: Cursor) -> DateTime<Utc> {
    let micros = cursor.created_at_micros.clamp(*RANGE.start(), *RANGE.end());
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// The place before which a page of (created_at, key), newest first, begins: that of its cursor, or one beyond all rows. So
/// one statement serves the first page and all others.
pub fn page_start(page: &Page) -> (DateTime<Utc>, i64) {
    let cursor = page.after().copied().unwrap_or(Cursor {
        created_at_micros: i64::MAX,
        key: i64::MAX,
    });
    (cursor_time(cursor), cursor.key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_microsecond() {
        let time = DateTime::from_timestamp_micros(1_700_000_000_123_457).expect("in range");
        assert_eq!(cursor_time(cursor(time, 7)), time);
    }

    #[test]
    fn made_up_times_stay_within_what_the_database_takes() {
        let time = |created_at_micros| {
            cursor_time(Cursor {
                created_at_micros,
                key: 1,
            })
            .to_rfc3339()
        };
        assert_eq!(time(i64::MIN), "0001-01-01T00:00:00+00:00");
        assert_eq!(time(i64::MAX), "9999-12-31T23:59:59.999999+00:00");
    }
}
