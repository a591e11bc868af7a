//! One migrating process at a time.

use std::time::Duration;

use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;

use crate::SchemaError;
use kith_postgres::Connection;

/// Any number that nobody else uses in a database of Kith's: "kith" in ASCII. Advisory locks belong to one database.
const KEY: i64 = 0x6b69_7468;
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Waits until this session holds the lock, and calls `on_wait` once when it is not free at once.
///
/// It polls, because a session that waits inside `pg_advisory_lock` holds a snapshot, and CREATE INDEX CONCURRENTLY in
/// the session that has the lock would wait for that snapshot: a deadlock.
pub(crate) async fn acquire(conn: &mut Connection, on_wait: impl FnOnce()) -> Result<(), SchemaError> {
    if try_acquire(conn).await? {
        return Ok(());
    }
    on_wait();
    while !try_acquire(conn).await? {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Lets the next process in. The end of the session does so too, but the server may notice that only later.
pub(crate) async fn release(conn: &mut Connection) -> Result<(), SchemaError> {
    call(conn, "pg_advisory_unlock").await?;
    Ok(())
}

async fn try_acquire(conn: &mut Connection) -> Result<bool, SchemaError> {
    call(conn, "pg_try_advisory_lock").await
}

async fn call(conn: &mut Connection, function: &str) -> Result<bool, SchemaError> {
    let query = diesel::select(
        diesel::dsl::sql::<Bool>(&format!("{function}("))
            .bind::<BigInt, _>(KEY)
            .sql(")"),
    );
    Ok(query.get_result(conn).await?)
}
