use chrono::{DateTime, Utc};
use kith_postgres::cursor_time;
use kith_primitives::{Cursor, Page};

/// The place before which a page of (time, key), newest first, begins: that of the cursor, or one beyond all rows.
pub(super) fn start(page: &Page) -> (DateTime<Utc>, i64) {
    let cursor = page.after().copied().unwrap_or(Cursor {
        created_at_micros: i64::MAX,
        key: i64::MAX,
    });
    (cursor_time(cursor), cursor.key)
}
