//! Pieces of messages that every service has.

use chrono::{DateTime, Utc};
use kith_primitives::{Failure, Invalid, Reason, Violations};
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

/// Takes the items of a batch of at most `max`.
///
/// # Errors
/// BATCH_TOO_LARGE on `field`.
pub fn batch_of<T>(field: &str, items: Vec<T>, max: usize) -> Result<Vec<T>, Failure> {
    let checked = if items.len() > max {
        Err(Invalid::new(
            Reason::BatchTooLarge,
            format!("must have at most {max} items"),
        ))
    } else {
        Ok(items)
    };
    Violations::only(field, checked)
}
