use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, Page};

use crate::domain::PostCursor;

/// The counters of a post beside the rows that they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct DriftRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) post_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_likes: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_comments: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) counted_shares: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_likes: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_comments: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) actual_shares: i64,
}

impl DriftRow {
    fn drifted(&self) -> bool {
        let counted = (self.counted_likes, self.counted_comments, self.counted_shares);
        counted != (self.actual_likes, self.actual_comments, self.actual_shares)
    }
}

/// What came of a walk over a range of posts.
#[derive(Clone, Debug)]
pub(crate) struct Verified {
    pub(crate) drifts: Vec<DriftRow>,
    pub(crate) posts: usize,
    pub(crate) next_page_token: String,
}

/// One snapshot, in which a counter and its rows are equal: whoever changes them commits both together.
const COUNTERS_COMPARE: &str = "
SELECT
    id AS post_id, likes_count AS counted_likes, comment_count AS counted_comments, shares_count AS counted_shares,
    (SELECT count(*) FROM posts.likes WHERE likes.post_id = posts.id) AS actual_likes,
    (SELECT count(*) FROM posts.posts AS replies WHERE replies.parent_id = posts.id) AS actual_comments,
    (SELECT count(*) FROM posts.shares WHERE shares.post_id = posts.id) AS actual_shares
FROM posts.posts
WHERE id > $1
ORDER BY id
LIMIT $2
";

const COUNTERS_REPAIR: &str = "
SELECT
    post_id, counted_likes, counted_comments, counted_shares, actual_likes, actual_comments, actual_shares
FROM posts.counts_repair($1)
";

/// Compares the counters of a page of posts with the rows.
pub(crate) async fn counters_verify(
    database: &Database,
    page: &Page<PostCursor>,
) -> Result<Verified, Failure> {
    let after = page.after().map_or(i64::MIN, |cursor| cursor.0);
    let mut rows: Vec<DriftRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(COUNTERS_COMPARE)
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(page.limit());
            Ok(run("counters_compare", query.load(conn)).await?)
        })
        .await?;
    let next_page_token = page.finish(&mut rows, |row| PostCursor(row.post_id));
    let posts = rows.len();
    rows.retain(DriftRow::drifted);
    Ok(Verified {
        drifts: rows,
        posts,
        next_page_token,
    })
}

/// The same, and sets right what drifted. Nothing is locked as long as nothing did. What the repair found to be right by
/// then is not told.
pub(crate) async fn counters_repair(
    database: &Database,
    page: &Page<PostCursor>,
) -> Result<Verified, Failure> {
    let verified = counters_verify(database, page).await?;
    if verified.drifts.is_empty() {
        return Ok(verified);
    }
    let ids: Vec<i64> = verified.drifts.iter().map(|row| row.post_id).collect();
    let drifts = database
        .write(async |conn: &mut Connection| {
            let query = sql_query(COUNTERS_REPAIR).bind::<Array<BigInt>, _>(ids.as_slice());
            Ok(run("counters_repair", query.load(conn)).await?)
        })
        .await?;
    Ok(Verified { drifts, ..verified })
}
