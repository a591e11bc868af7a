use diesel::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run};
use kith_primitives::{Failure, Page};

use crate::domain::UserCursor;

/// Counts that are not the rows that they count, or are nobody's.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct DriftRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_followers: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_following: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_followers: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_following: i64,
}

/// What came of a walk over a range of users.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) drifts: Vec<DriftRow>,
    pub(crate) users: usize,
    pub(crate) next_page_token: String,
}

#[derive(QueryableByName)]
struct ComparedRow {
    #[diesel(embed)]
    counters: DriftRow,
    /// Counts of nobody are on the page too.
    #[diesel(sql_type = Bool)]
    is_user: bool,
}

impl ComparedRow {
    fn is_drift(&self) -> bool {
        let row = &self.counters;
        let counted = (row.counted_followers, row.counted_following);
        !self.is_user || counted != (row.actual_followers, row.actual_following)
    }
}

/// The next of all ids that users or counts have. One snapshot, in which a count and its rows are equal: whoever changes
/// them commits both together.
const COUNTERS_COMPARE: &str = "
WITH accounts AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE id > $1 ORDER BY id LIMIT $2
), counts AS MATERIALIZED (
    SELECT user_id, followers, following FROM social_graph.follow_counts WHERE user_id > $1 ORDER BY user_id LIMIT $2
), page AS MATERIALIZED (
    SELECT
        coalesce(id, user_id) AS user_id, id IS NOT NULL AS is_user,
        coalesce(followers, 0) AS counted_followers, coalesce(following, 0) AS counted_following
    FROM accounts FULL JOIN counts ON user_id = id
    ORDER BY 1 LIMIT $2
)
SELECT
    user_id, is_user, counted_followers, counted_following,
    (SELECT count(*) FROM social_graph.follows WHERE followed_id = page.user_id) AS actual_followers,
    (SELECT count(*) FROM social_graph.follows WHERE follower_id = page.user_id) AS actual_following
FROM page
ORDER BY user_id
";

const COUNTERS_REPAIR: &str = "
SELECT user_id, counted_followers, counted_following, actual_followers, actual_following
FROM social_graph.follow_counts_repair($1)
";

/// Compares the counts of a page of users with the rows.
pub(crate) async fn counters_verify(
    database: &Database,
    page: &Page<UserCursor>,
) -> Result<Verified, Failure> {
    let after = page.after().map_or(i64::MIN, |cursor| cursor.0);
    let mut rows: Vec<ComparedRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(COUNTERS_COMPARE)
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(page.limit());
            Ok(run("counters_compare", query.load(conn)).await?)
        })
        .await?;
    let next_page_token = page.finish(&mut rows, |row| UserCursor(row.counters.user_id));
    let users = rows.iter().filter(|row| row.is_user).count();
    let drifts = rows
        .into_iter()
        .filter(ComparedRow::is_drift)
        .map(|row| row.counters)
        .collect();
    Ok(Verified {
        drifts,
        users,
        next_page_token,
    })
}

/// The same, and sets right what drifted. Nothing is locked as long as nothing did.
pub(crate) async fn counters_repair(
    database: &Database,
    page: &Page<UserCursor>,
) -> Result<Verified, Failure> {
    let mut verified = counters_verify(database, page).await?;
    if verified.drifts.is_empty() {
        return Ok(verified);
    }
    let user_ids: Vec<i64> = verified.drifts.iter().map(|drift| drift.user_id).collect();
    verified.drifts = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(COUNTERS_REPAIR).bind::<Array<BigInt>, _>(&user_ids);
            Ok(run("counters_repair", query.load(conn)).await?)
        })
        .await?;
    Ok(verified)
}
