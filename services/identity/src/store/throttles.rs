use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Interval, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, DbError, run, sql_query};
use kith_primitives::Failure;
use kith_schema::tables::identity::throttles;

use crate::domain::Bucket;

/// A bucket as it is, or would be, with one attempt more taken from it.
#[derive(QueryableByName)]
struct Level {
    #[diesel(sql_type = Text)]
    key: String,
    /// How long until it is full, in microseconds.
    #[diesel(sql_type = BigInt)]
    full_in: i64,
}

/// Row by row in the order of the keys, so that two attempts with several buckets in common wait for each other and are
/// not each other's deadlock. Time is that of the transaction: an attempt counts as of when it came, however long it
/// waited for others.
const TAKE: &str = "
INSERT INTO identity.throttles AS bucket (key, full_at)
SELECT key, now() + step FROM unnest($1::text[], $2::interval[]) AS wanted (key, step) ORDER BY key
ON CONFLICT (key) DO UPDATE SET full_at = greatest(bucket.full_at, now()) + (excluded.full_at - now())
RETURNING key, (extract(epoch FROM full_at - now()) * 1000000)::bigint AS full_in
";

const LOOK: &str = "
SELECT key, (extract(epoch FROM greatest(full_at, now()) + step - now()) * 1000000)::bigint AS full_in
FROM unnest($1::text[], $2::interval[]) AS wanted (key, step) JOIN identity.throttles USING (key)
";

/// Refuses an attempt for which one of `buckets` is empty already. It takes nothing.
pub(crate) async fn throttles_look(database: &Database, buckets: &[Bucket]) -> Result<(), Failure> {
    if buckets.is_empty() {
        return Ok(());
    }
    database
        .read(async |conn: &mut Connection| {
            let levels = levels(conn, "throttles_look", LOOK, buckets).await?;
            Ok(refuse_empty(buckets, &levels)?)
        })
        .await
}

/// Takes an attempt from each of `buckets`, or from none of them when one is empty.
///
/// The upsert decides, and whoever finds a bucket empty rolls back. The look before it decides nothing: it spares the
/// database the writes of an attempt that is refused in any case, of which there may be many.
pub(crate) async fn throttles_take(database: &Database, buckets: &[Bucket]) -> Result<(), Failure> {
    if buckets.is_empty() {
        return Ok(());
    }
    throttles_look(database, buckets).await?;
    database
        .transaction(async |conn: &mut Connection| {
            let levels = levels(conn, "throttles_take", TAKE, buckets).await?;
            Ok(refuse_empty(buckets, &levels)?)
        })
        .await
}

async fn levels(
    conn: &mut Connection,
    name: &'static str,
    statement: &'static str,
    buckets: &[Bucket],
) -> Result<Vec<Level>, DbError> {
    let keys: Vec<&str> = buckets.iter().map(|bucket| bucket.key.as_str()).collect();
    let steps: Vec<_> = buckets.iter().map(|bucket| bucket.step).collect();
    let query = sql_query(statement)
        .bind::<Array<Text>, _>(keys)
        .bind::<Array<Interval>, _>(steps);
    run(name, query.load(conn)).await
}

/// The refusal of the bucket that takes longest to have an attempt again.
fn refuse_empty(buckets: &[Bucket], levels: &[Level]) -> Result<(), Failure> {
    let wait = |bucket: &Bucket| {
        let level = levels.iter().find(|level| level.key == bucket.key)?;
        let room = bucket.room.num_microseconds().unwrap_or(i64::MAX);
        u64::try_from(level.full_in.saturating_sub(room))
            .ok()
            .filter(|wait| *wait > 0)
    };
    let waits = buckets.iter().filter_map(|bucket| Some((wait(bucket)?, bucket)));
    match waits.max_by_key(|(wait, _)| *wait) {
        Some((wait, bucket)) => Err(bucket.refusal(Duration::from_micros(wait))),
        None => Ok(()),
    }
}

/// Gives back everything that was taken from `buckets`.
pub(crate) async fn throttles_fill(database: &Database, buckets: &[Bucket]) -> Result<(), Failure> {
    if buckets.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = buckets.iter().map(|bucket| bucket.key.as_str()).collect();
    database
        .write(async |conn: &mut Connection| {
            let delete = diesel::delete(throttles::table.filter(throttles::key.eq_any(&keys)));
            run("throttles_fill", delete.execute(conn)).await?;
            Ok(())
        })
        .await
}
