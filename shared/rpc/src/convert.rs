//! Pieces of messages that every service has.

use chrono::{DateTime, Utc};
use prost_types::Timestamp;

/// A time of the database, to the microsecond.
pub fn timestamp(time: DateTime<Utc>) -> Timestamp {
    // The nanoseconds of a second fit an i32; chrono's leap seconds, up to 2 * 10^9 - 1, do too.
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default();
    Timestamp {
        seconds: time.timestamp(),
        nanos,
    }
}
