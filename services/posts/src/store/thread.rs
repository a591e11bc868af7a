use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Integer};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, PostId, UserId};

use super::posts::post_not_found;
use super::shape::{PostRow, hidden, of_page, viewer};

/// A post of a thread.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct ThreadRow {
    #[diesel(embed)]
    pub(crate) post: PostRow,
    /// 0 for the post that was asked for, above 0 beneath it, and below 0 above it.
    #[diesel(sql_type = Integer)]
    pub(crate) depth: i32,
    /// How many replies to its parent there are: one more than a page has, where there are more.
    #[diesel(sql_type = BigInt)]
    pub(crate) siblings: i64,
    /// Whether the viewer blocks its author. Never beneath the post that was asked for.
    #[diesel(sql_type = Bool)]
    pub(crate) is_hidden: bool,
    /// Whether there are replies to it that the viewer sees.
    #[diesel(sql_type = Bool)]
    pub(crate) has_replies: bool,
}

/// What of a thread is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadBounds {
    /// Replies to one post.
    pub(crate) page_size: i64,
    /// Levels of replies.
    pub(crate) max_depth: i32,
}

/// A recursive step makes its rows level by level, those beneath an earlier row first, and no more than whoever reads them
/// asks for: 1,001 here, which are the post and the nearest 1,000 replies. Of the ancestors one more is read than answered.
///
/// That there are replies is not asked by EXISTS, which the planner might answer by a hash of all replies there are.
const THREAD_FIND: &str = concat!(
    "WITH RECURSIVE ",
    hidden!(),
    ", root AS MATERIALIZED (
        SELECT * FROM posts.posts WHERE id = $2 AND author_id NOT IN (SELECT user_id FROM hidden)
    ), above AS (
        SELECT parents.*, 0::bigint AS siblings, 0::bigint AS place, -1 AS depth
        FROM posts.posts AS parents WHERE id = (SELECT parent_id FROM root)
        UNION ALL
        SELECT parents.*, 0, 0, above.depth - 1
        FROM above CROSS JOIN LATERAL (SELECT * FROM posts.posts WHERE id = above.parent_id OFFSET 0) AS parents
        WHERE above.depth > -81
    ), beneath AS (
        SELECT root.*, 0::bigint AS siblings, 0::bigint AS place, 0 AS depth FROM root
        UNION ALL
        SELECT replies.*, beneath.depth + 1
        FROM beneath CROSS JOIN LATERAL (
            SELECT * FROM (
                SELECT *, count(*) OVER (), row_number() OVER (ORDER BY created_at DESC, id DESC) AS place
                FROM (
                    SELECT * FROM posts.posts
                    WHERE parent_id = beneath.id AND author_id NOT IN (SELECT user_id FROM hidden)
                    ORDER BY created_at DESC, id DESC LIMIT $3 + 1
                ) AS fetched
            ) AS numbered
            WHERE place <= $3
        ) AS replies
        WHERE beneath.depth < $4
    ), page AS MATERIALIZED (
        SELECT
            *,
            author_id IN (SELECT user_id FROM hidden) AS is_hidden,
            comment_count > 0 AND (
                SELECT replies.id FROM posts.posts AS replies
                WHERE replies.parent_id = thread.id AND replies.author_id NOT IN (SELECT user_id FROM hidden)
                LIMIT 1
            ) IS NOT NULL AS has_replies
        FROM (SELECT * FROM above UNION ALL (SELECT * FROM beneath LIMIT 1001)) AS thread
    )",
    of_page!(),
    "ORDER BY page.depth, page.created_at DESC, page.id DESC",
);

/// A post with what is above it, from the top, and beneath it, level by level and newest first, from one snapshot.
pub(crate) async fn thread_find(
    database: &Database,
    user: Option<UserId>,
    id: PostId,
    bounds: ThreadBounds,
) -> Result<Vec<ThreadRow>, Failure> {
    let rows: Vec<ThreadRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(THREAD_FIND)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(id.get())
                .bind::<BigInt, _>(bounds.page_size)
                .bind::<Integer, _>(bounds.max_depth);
            Ok(run("thread_find", query.load(conn)).await?)
        })
        .await?;
    if rows.is_empty() {
        return Err(post_not_found(id));
    }
    Ok(rows)
}
