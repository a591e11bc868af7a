use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::Failure;

/// The oldest first, and none that somebody has at hand: that is a sign-out, or another sweep. What is locked is looked at
/// again, so that a session which was prolonged meanwhile stays.
const SESSIONS: &str = "
WITH batch AS MATERIALIZED (
    SELECT id FROM identity.sessions WHERE expires_at <= now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM identity.sessions USING batch WHERE sessions.id = batch.id
";

const THROTTLES: &str = "
WITH batch AS MATERIALIZED (
    SELECT key FROM identity.throttles WHERE full_at <= now()
    ORDER BY full_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
DELETE FROM identity.throttles USING batch WHERE throttles.key = batch.key
";

/// Removes up to `most` sessions that have expired, with their refresh tokens, and answers how many.
pub(crate) async fn sessions_sweep(database: &Database, most: i64) -> Result<usize, Failure> {
    sweep(database, "sessions_sweep", SESSIONS, most).await
}

/// Removes up to `most` buckets that are full again, which is as if they had never been there, and answers how many.
pub(crate) async fn throttles_sweep(database: &Database, most: i64) -> Result<usize, Failure> {
    sweep(database, "throttles_sweep", THROTTLES, most).await
}

async fn sweep(
    database: &Database,
    name: &'static str,
    statement: &'static str,
    most: i64,
) -> Result<usize, Failure> {
    database
        .write(async |conn: &mut Connection| {
            let delete = sql_query(statement).bind::<BigInt, _>(most);
            Ok(run(name, delete.execute(conn)).await?)
        })
        .await
}
