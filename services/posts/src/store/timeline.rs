//! The home timeline.
//!
//! Two kinds of posts are on it: `own`, by the viewer or somebody whom the viewer follows, where they were made; and posts
//! by others that somebody shared whom the viewer follows, where the first of these shared them. Both follow the same plan.
//! Whoever follows few has each of them looked up: first the newest of each, and then more of those alone whose newest is
//! among the newest of all. For whoever follows many, the newest of the whole network are looked at first, and mostly that
//! is enough.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, UserId};

use super::shape::{PostRow, of_page};

/// A post on a home timeline.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct TimelineRow {
    #[diesel(embed)]
    pub(crate) post: PostRow,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) position: DateTime<Utc>,
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) sharer_ids: Vec<i64>,
}

/// The share of `post` by the user of the row of `followed`, as `other`. As the first from there on in the order of the
/// primary key, which no other index has.
macro_rules! share_by_followed {
    () => {
        "(
            SELECT post_id, user_id, created_at FROM posts.shares
            WHERE (shares.post_id, shares.user_id) >= (post.id, followed.user_id)
            ORDER BY post_id, user_id LIMIT 1
        ) AS other
        WHERE other.post_id = post.id AND other.user_id = followed.user_id"
    };
}

/// Whether any of `followed` shared `post`, under a condition on their share, `other`. It goes through those who shared the
/// post, or looks up each of those whom the viewer follows, which takes ten times as long for each. `OFFSET 0` and `IS TRUE`
/// keep the planner from joining all shares there are.
macro_rules! is_shared {
    ($condition:literal) => {
        concat!(
            "CASE WHEN post.shares_count <= 10 * (SELECT number FROM size) THEN EXISTS (
                SELECT FROM posts.shares AS other
                WHERE other.post_id = post.id AND (other.user_id IN (SELECT user_id FROM followed)) IS TRUE AND ",
            $condition,
            " OFFSET 0
            ) ELSE EXISTS (
                SELECT FROM followed CROSS JOIN LATERAL ",
            share_by_followed!(),
            " AND ",
            $condition,
            " OFFSET 0
            ) END"
        )
    };
}

/// The newest posts by the user of the row: those that are no replies, and replies that were shared. Of replies, those that
/// are older than as many other posts are not looked at: somebody may have very many that nobody followed shared.
macro_rules! own_of_user {
    ($limit:literal) => {
        concat!(
            "(
            (SELECT created_at, id FROM posts.posts
            WHERE author_id = user_id AND parent_id IS NULL AND (created_at, id) < ($2, $3)
            ORDER BY created_at DESC, id DESC LIMIT ",
            $limit,
            ")
            UNION ALL
            (SELECT created_at, id FROM posts.posts AS post
            WHERE author_id = user_id AND parent_id IS NOT NULL AND is_shared AND (created_at, id) < ($2, $3)
                AND created_at >= coalesce((
                    SELECT created_at FROM posts.posts
                    WHERE author_id = user_id AND parent_id IS NULL AND (created_at, id) < ($2, $3)
                    ORDER BY created_at DESC, id DESC OFFSET ",
            $limit,
            " - 1 LIMIT 1
                ), '-infinity')
                AND ",
            is_shared!("TRUE"),
            "
            ORDER BY created_at DESC, id DESC LIMIT ",
            $limit,
            ")
            ORDER BY created_at DESC, id DESC LIMIT ",
            $limit,
            "
        )"
        )
    };
}

/// The newest posts of others that the user of `sharer` was the first to share, not older than the oldest of `own`.
macro_rules! first_shared_by_user {
    ($limit:literal) => {
        concat!(
            "(
            SELECT share.created_at, share.post_id AS id
            FROM posts.shares AS share CROSS JOIN LATERAL (
                SELECT id, author_id, shares_count FROM posts.posts WHERE posts.id = share.post_id OFFSET 0
            ) AS post
            WHERE share.user_id = sharer.user_id
                AND share.created_at >= (SELECT time FROM bound) AND (share.created_at, share.post_id) < ($2, $3)
                AND post.author_id <> $1 AND post.author_id NOT IN (SELECT user_id FROM followed)
                AND post.author_id NOT IN (SELECT user_id FROM left_out)
                AND NOT ",
            is_shared!("(other.created_at, other.user_id) < (share.created_at, share.user_id)"),
            "
            ORDER BY share.created_at DESC, share.post_id DESC LIMIT ",
            $limit,
            "
        )"
        )
    };
}

/// To look up one user costs about as much as to look at ten rows, so that from some 200 users on the newest 2,000 rows of
/// all are worth a try, after which everybody is looked up where that was not enough. What has no such bound: shares of many posts
/// that several of the followed have shared, by whom the timeline is all there is; 50,000 of them took 0.3 s.
const HOME_TIMELINE_PAGE: &str = concat!(
    "
WITH left_out AS MATERIALIZED (
    SELECT blocked_id AS user_id FROM social_graph.block_edges WHERE blocker_id = $1
    UNION ALL
    SELECT muted_id FROM social_graph.mute_edges WHERE muter_id = $1
), followed AS MATERIALIZED (
    SELECT followed_id AS user_id FROM social_graph.follow_edges
    WHERE follower_id = $1 AND followed_id NOT IN (SELECT user_id FROM left_out)
), size AS MATERIALIZED (
    SELECT count(*) AS number, count(*) > 200 AS is_many FROM followed
), authors AS (
    SELECT user_id FROM followed UNION ALL SELECT $1
), newest AS MATERIALIZED (
    SELECT * FROM posts.posts
    WHERE (SELECT is_many FROM size) AND (created_at, id) < ($2, $3)
    ORDER BY created_at DESC, id DESC LIMIT 2000
), newest_own AS MATERIALIZED (
    SELECT created_at, id
    FROM (SELECT newest.* FROM newest JOIN authors ON authors.user_id = newest.author_id OFFSET 0) AS post
    WHERE parent_id IS NULL OR is_shared AND ",
    is_shared!("TRUE"),
    "
    ORDER BY created_at DESC, id DESC LIMIT $4
), newest_do AS MATERIALIZED (
    SELECT (SELECT is_many FROM size)
        AND ((SELECT count(*) FROM newest) < 2000 OR (SELECT count(*) FROM newest_own) >= $4) AS yes
), chosen_authors AS MATERIALIZED (
    SELECT user_id FROM authors CROSS JOIN LATERAL ",
    own_of_user!("1"),
    " AS post
    WHERE NOT (SELECT yes FROM newest_do)
    ORDER BY created_at DESC, id DESC LIMIT $4
), own AS MATERIALIZED (
    SELECT created_at, id FROM newest_own WHERE (SELECT yes FROM newest_do)
    UNION ALL
    SELECT created_at, id FROM chosen_authors CROSS JOIN LATERAL ",
    own_of_user!("$4"),
    " AS post
    ORDER BY created_at DESC, id DESC LIMIT $4
), bound AS MATERIALIZED (
    SELECT CASE WHEN count(*) >= $4 THEN min(created_at) ELSE '-infinity' END AS time FROM own
), newest_shares AS MATERIALIZED (
    SELECT user_id FROM posts.shares
    WHERE (SELECT is_many FROM size)
        AND created_at >= (SELECT time FROM bound) AND (created_at, post_id) < ($2, $3)
    ORDER BY created_at DESC, post_id DESC LIMIT 2000
), newest_shares_do AS MATERIALIZED (
    SELECT (SELECT is_many FROM size) AND (SELECT count(*) FROM newest_shares) < 2000 AS yes
), chosen_sharers AS MATERIALIZED (
    SELECT DISTINCT user_id FROM newest_shares JOIN followed USING (user_id) WHERE (SELECT yes FROM newest_shares_do)
    UNION ALL
    (SELECT user_id FROM followed AS sharer CROSS JOIN LATERAL ",
    first_shared_by_user!("1"),
    " AS post
    WHERE NOT (SELECT yes FROM newest_shares_do)
    ORDER BY created_at DESC, id DESC LIMIT $4)
), items AS MATERIALIZED (
    SELECT created_at AS position, id FROM own
    UNION ALL
    SELECT created_at, id FROM chosen_sharers AS sharer CROSS JOIN LATERAL ",
    first_shared_by_user!("$4"),
    " AS post
    ORDER BY position DESC, id DESC LIMIT $4
), page AS MATERIALIZED (
    SELECT post.*, items.position, sharers.ids AS sharer_ids
    FROM (SELECT * FROM items LIMIT 101) AS items
    CROSS JOIN LATERAL (SELECT * FROM posts.posts WHERE posts.id = items.id OFFSET 0) AS post
    CROSS JOIN LATERAL (
        SELECT CASE WHEN post.shares_count = 0 THEN '{}' WHEN post.shares_count <= 10 * (SELECT number FROM size) THEN ARRAY(
            SELECT user_id FROM posts.shares
            WHERE post_id = post.id AND (user_id IN (SELECT user_id FROM followed)) IS TRUE
            ORDER BY created_at, user_id LIMIT 10
        ) ELSE ARRAY(
            SELECT other.user_id FROM followed CROSS JOIN LATERAL ",
    share_by_followed!(),
    "
            ORDER BY other.created_at, other.user_id LIMIT 10
        ) END AS ids
    ) AS sharers
)",
    of_page!(),
    "ORDER BY page.position DESC, page.id DESC",
);

/// What `viewer` has to read, newest position first.
pub(crate) async fn home_timeline_page(
    database: &Database,
    viewer: UserId,
    page: &Page,
) -> Result<(Vec<TimelineRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<TimelineRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(HOME_TIMELINE_PAGE)
                .bind::<BigInt, _>(viewer.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("home_timeline_page", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.position, row.post.id));
    Ok((rows, next))
}
