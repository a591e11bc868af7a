use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, Reason, UserId};
use kith_rules::social_graph::{MUTE, MUTES_PKEY};

use crate::domain::{MuteTtl, Pair};

/// A mute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct MuteRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) muter_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) muted_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// What became of a wish to mute.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct Muted {
    #[diesel(embed)]
    pub(crate) mute: MuteRow,
    /// Whether it was there before.
    #[diesel(sql_type = Bool)]
    pub(crate) existing: bool,
}

/// One that has expired is as good as none, and begins anew. `now()` is the same throughout, so what did not begin with this
/// statement was there before; it may even have begun a little later, when this one had to wait for it.
const MUTE_CREATE: &str = "
INSERT INTO social_graph.mutes AS mute (muter_id, muted_id, expires_at)
VALUES ($1, $2, now() + $3::bigint * interval '1 microsecond')
ON CONFLICT ON CONSTRAINT social_graph_mutes_pkey DO UPDATE
SET
    created_at = CASE WHEN mute.expires_at <= now() THEN excluded.created_at ELSE mute.created_at END,
    expires_at = greatest(mute.created_at, now()) + $3::bigint * interval '1 microsecond'
WHERE mute.expires_at <= now() OR $4
RETURNING muter_id, muted_id, created_at, expires_at, created_at <> now() AS existing
";

const MUTE_DELETE: &str = "
WITH deleted AS (
    DELETE FROM social_graph.mutes WHERE muter_id = $1 AND muted_id = $2
    RETURNING muter_id, muted_id, created_at, expires_at
)
SELECT muter_id, muted_id, created_at, expires_at FROM deleted WHERE expires_at IS NULL OR expires_at > now()
";

const MUTES_PAGE: &str = "
SELECT muter_id, muted_id, created_at, expires_at FROM social_graph.mutes
WHERE muter_id = $1 AND (created_at, muted_id) < ($2, $3) AND (expires_at IS NULL OR expires_at > now())
ORDER BY created_at DESC, muted_id DESC
LIMIT $4
";

/// Mutes the other for the one, for `ttl` or for good. A mute that exists is a failure unless `allow_existing`, and then
/// lasts as long as is asked now.
pub(crate) async fn mute_create(
    database: &Database,
    pair: Pair,
    ttl: Option<MuteTtl>,
    allow_existing: bool,
) -> Result<Muted, Failure> {
    let made: Option<Muted> = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(MUTE_CREATE)
                .bind::<BigInt, _>(pair.one().get())
                .bind::<BigInt, _>(pair.other().get())
                .bind::<Nullable<BigInt>, _>(ttl.map(MuteTtl::micros))
                .bind::<Bool, _>(allow_existing);
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            Ok(run("mute_create", query.load(conn)).await?.into_iter().next())
        })
        .await?;
    made.ok_or_else(|| MUTES_PKEY.failure())
}

/// Ends the mute of one user by another and answers it as it was.
pub(crate) async fn mute_delete(
    database: &Database,
    muter_id: UserId,
    muted_id: UserId,
) -> Result<Option<MuteRow>, Failure> {
    database
        .write(async |conn: &mut Connection| {
            let query = sql_query(MUTE_DELETE)
                .bind::<BigInt, _>(muter_id.get())
                .bind::<BigInt, _>(muted_id.get());
            // To the end, as above.
            Ok(run("mute_delete", query.load(conn)).await?.into_iter().next())
        })
        .await
}

/// Whom `user_id` mutes, newest first.
pub(crate) async fn mutes_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<MuteRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<MuteRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(MUTES_PAGE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("mutes_page", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.muted_id));
    Ok((rows, next))
}

/// The failure of a call that names a mute which is not there.
pub(crate) fn mute_not_found(muter_id: UserId, muted_id: UserId) -> Failure {
    Failure::new(Reason::MuteNotFound, "there is no such mute")
        .with_resource(MUTE, format!("users/{muter_id}/mutes/{muted_id}"))
}
