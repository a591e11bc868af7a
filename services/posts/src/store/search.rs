//! Search. An index over words knows no times, so the newest posts with a word are found in one of two ways: all that have
//! it are read and sorted, or the newest posts are read until enough have it. The one is slow for a common word, the other
//! for a rare one.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Float, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, cursor, cursor_time, page_start, run, sql_query};
use kith_primitives::{Cursor, Failure, Page, UserId};

use super::post_pages::{PostPage, finish};
use super::shape::{PostRow, hidden, of_page, page, viewer};
use crate::domain::{RankCursor, SearchQuery, nothing_to_look_for};

/// How many of the newest matching posts are ranked.
const RANKED: i64 = 1000;

#[derive(QueryableByName)]
struct RankedRow {
    #[diesel(embed)]
    post: PostRow,
    #[diesel(sql_type = Float)]
    rank: f32,
    #[diesel(sql_type = Timestamptz)]
    newest_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    newest_id: i64,
}

#[derive(QueryableByName)]
struct Words {
    #[diesel(sql_type = Bool)]
    has_words: bool,
    #[diesel(sql_type = Bool)]
    has_needed_words: bool,
}

/// The newest of the posts before ($3, $4) that match, as far as `$limit`.
macro_rules! newest {
    ($limit:literal) => {
        concat!(
            "SELECT id, created_at FROM (
                SELECT * FROM posts.posts WHERE (created_at, id) < ($3, $4)
                ORDER BY created_at DESC, id DESC LIMIT ",
            $limit,
            ") AS newest WHERE ",
            matching!(),
            " LIMIT $5"
        )
    };
}

macro_rules! matching {
    () => {
        "to_tsvector('pg_catalog.simple', content) @@ (SELECT words FROM asked)
            AND author_id NOT IN (SELECT user_id FROM hidden)"
    };
}

/// The step `found`: the newest `$5` of the posts before ($3, $4) that match the query `$2`. What a step is not asked for, it
/// does not read, and each reads only as many rows as it is asked for. So, in this order, until one is enough:
///
/// * the 1,000 newest posts and a few are read, for words that every tenth post has;
/// * if the index knows 10,000 matching posts at most, these are sorted;
/// * the 20,000 newest posts are read, for words that are common everywhere;
/// * all matching posts are sorted, for words that were common once.
///
/// A query without a word that has to be there would match nearly everything, and finds nothing.
macro_rules! found {
    () => {
        concat!(
            hidden!(),
            ", asked AS MATERIALIZED (
                SELECT websearch_to_tsquery('pg_catalog.simple', $2) AS words
            ), near AS MATERIALIZED (",
            newest!("1000 + $5"),
            "), far AS MATERIALIZED (",
            newest!("20000"),
            "), matching AS MATERIALIZED (SELECT id, created_at FROM posts.posts WHERE ",
            matching!(),
            "), way AS MATERIALIZED (
                SELECT CASE
                    WHEN querytree((SELECT words FROM asked)) IN ('', 'T') THEN 'none'
                    WHEN (SELECT count(*) FROM near) = $5 THEN 'near'
                    WHEN (SELECT count(*) FROM (SELECT FROM matching LIMIT 10001) AS counted) <= 10000 THEN 'matching'
                    WHEN (SELECT count(*) FROM far) = $5 THEN 'far'
                    ELSE 'matching'
                END AS name
            ), found AS MATERIALIZED (
                SELECT * FROM near WHERE (SELECT name FROM way) = 'near'
                UNION ALL
                SELECT * FROM far WHERE (SELECT name FROM way) = 'far'
                UNION ALL
                (
                    SELECT * FROM matching
                    WHERE (SELECT name FROM way) = 'matching' AND (created_at, id) < ($3, $4)
                    ORDER BY created_at DESC, id DESC LIMIT $5
                )
            ), "
        )
    };
}

const NEWEST: &str = concat!(
    "WITH ",
    found!(),
    page!(
        "SELECT post.* FROM found CROSS JOIN LATERAL (SELECT * FROM posts.posts WHERE posts.id = found.id OFFSET 0) AS post
        LIMIT $5"
    ),
    of_page!(),
    "ORDER BY page.created_at DESC, page.id DESC",
);

const BEST: &str = concat!(
    "WITH ",
    found!(),
    "ranked AS MATERIALIZED (
        SELECT
            found.id, found.created_at,
            ts_rank_cd(to_tsvector('pg_catalog.simple', post.content), (SELECT words FROM asked)) AS rank
        FROM found CROSS JOIN LATERAL (SELECT content FROM posts.posts WHERE posts.id = found.id OFFSET 0) AS post
    ), best AS MATERIALIZED (
        SELECT * FROM ranked WHERE (rank, created_at, id) < ($6, $7, $8)
        ORDER BY rank DESC, created_at DESC, id DESC LIMIT $9
    ), newest AS MATERIALIZED (
        SELECT id, created_at FROM found ORDER BY created_at DESC, id DESC LIMIT 1
    ), ",
    page!(
        "SELECT post.*, best.rank, newest.created_at AS newest_at, newest.id AS newest_id
        FROM newest CROSS JOIN best
        CROSS JOIN LATERAL (SELECT * FROM posts.posts WHERE posts.id = best.id OFFSET 0) AS post"
    ),
    of_page!(),
    "ORDER BY page.rank DESC, page.created_at DESC, page.id DESC",
);

/// Which words a query has: those that must be there, of which a query tree knows, and others.
const WORDS: &str = "
SELECT numnode(words) > 0 AS has_words, querytree(words) NOT IN ('', 'T') AS has_needed_words
FROM websearch_to_tsquery('pg_catalog.simple', $1) AS words
";

/// The posts that match, newest first.
pub(crate) async fn posts_search_newest(
    database: &Database,
    user: Option<UserId>,
    query: &SearchQuery,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let rows = database
        .read(async |conn: &mut Connection| {
            let search = sql_query(NEWEST)
                .bind::<BigInt, _>(viewer(user))
                .bind::<Text, _>(query.as_str())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<PostRow> = run("posts_search_newest", search.load(conn)).await?;
            if rows.is_empty() {
                words_required(conn, query).await?;
            }
            Ok(rows)
        })
        .await?;
    Ok(finish(page, rows))
}

/// The posts that match, best first.
pub(crate) async fn posts_search_best(
    database: &Database,
    user: Option<UserId>,
    query: &SearchQuery,
    page: &Page<RankCursor>,
) -> Result<PostPage, Failure> {
    let beyond_all = Cursor {
        created_at_micros: i64::MAX,
        key: i64::MAX,
    };
    let after = page.after().copied().unwrap_or(RankCursor {
        rank: f32::INFINITY,
        place: beyond_all,
        newest: beyond_all,
    });
    let mut rows: Vec<RankedRow> = database
        .read(async |conn: &mut Connection| {
            let search = sql_query(BEST)
                .bind::<BigInt, _>(viewer(user))
                .bind::<Text, _>(query.as_str())
                .bind::<Timestamptz, _>(cursor_time(after.newest))
                .bind::<BigInt, _>(after.newest.key.saturating_add(1))
                .bind::<BigInt, _>(RANKED)
                .bind::<Float, _>(after.rank)
                .bind::<Timestamptz, _>(cursor_time(after.place))
                .bind::<BigInt, _>(after.place.key)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<RankedRow> = run("posts_search_best", search.load(conn)).await?;
            if rows.is_empty() {
                words_required(conn, query).await?;
            }
            Ok(rows)
        })
        .await?;
    let next = page.finish(&mut rows, |row| RankCursor {
        rank: row.rank,
        place: cursor(row.post.created_at, row.post.id),
        newest: cursor(row.newest_at, row.newest_id),
    });
    Ok((rows.into_iter().map(|row| row.post).collect(), next))
}

/// Refuses to answer an empty list for a query that looks for nothing.
async fn words_required(conn: &mut Connection, query: &SearchQuery) -> Result<(), Abort> {
    let words = sql_query(WORDS).bind::<Text, _>(query.as_str());
    let words: Words = run("search_words", words.get_result(conn)).await?;
    if words.has_needed_words {
        Ok(())
    } else {
        Err(nothing_to_look_for(words.has_words).into())
    }
}
