//! Lists of posts, newest first.

use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, PostId, UserId};

use super::accounts::account_required;
use super::posts::{post_find, post_not_found};
use super::shape::{PostRow, hidden, of_page, page, viewer};
use crate::domain::Topic;

/// Posts, and the token of the page after them.
pub(crate) type PostPage = (Vec<PostRow>, String);

const POSTS_PAGE: &str = concat!(
    "WITH ",
    hidden!(),
    ", ",
    page!(
        "SELECT * FROM posts.posts
        WHERE (created_at, id) < ($2, $3) AND author_id NOT IN (SELECT user_id FROM hidden)
        ORDER BY created_at DESC, id DESC LIMIT $4"
    ),
    of_page!(),
    "ORDER BY page.created_at DESC, page.id DESC",
);

/// Beneath a post that the viewer does not see, nothing is listed.
const REPLIES_PAGE: &str = concat!(
    "WITH ",
    hidden!(),
    ", parent AS MATERIALIZED (
        SELECT FROM posts.posts WHERE id = $2 AND author_id NOT IN (SELECT user_id FROM hidden)
    ), ",
    page!(
        "SELECT * FROM posts.posts
        WHERE parent_id = $2 AND (created_at, id) < ($3, $4) AND EXISTS (SELECT FROM parent)
            AND author_id NOT IN (SELECT user_id FROM hidden)
        ORDER BY created_at DESC, id DESC LIMIT $5"
    ),
    of_page!(),
    "ORDER BY page.created_at DESC, page.id DESC",
);

/// The posts that rows of a table name, which have the times of the posts. Each post is looked up by its id, in the order of
/// the rows: `OFFSET 0` keeps the planner from joining the tables in another way.
macro_rules! page_of {
    ($table:literal, $condition:literal) => {
        concat!(
            "WITH ",
            hidden!(),
            ", ",
            page!(
                "SELECT found.* FROM posts.",
                $table,
                " AS named CROSS JOIN LATERAL (
                    SELECT * FROM posts.posts
                    WHERE id = named.post_id AND author_id NOT IN (SELECT user_id FROM hidden)
                    OFFSET 0
                ) AS found
                WHERE ",
                $condition,
                " AND (named.created_at, named.post_id) < ($3, $4)
                ORDER BY named.created_at DESC, named.post_id DESC LIMIT $5"
            ),
            of_page!(),
            "ORDER BY page.created_at DESC, page.id DESC",
        )
    };
}

const MENTIONS_PAGE: &str = page_of!("mentions", "named.user_id = $2");
const HASHTAG_PAGE: &str = page_of!("hashtags", "named.tag COLLATE \"C\" = $2");

/// All posts.
pub(crate) async fn posts_page(
    database: &Database,
    user: Option<UserId>,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let rows = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(POSTS_PAGE)
                .bind::<BigInt, _>(viewer(user))
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("posts_page", query.load(conn)).await?)
        })
        .await?;
    Ok(finish(page, rows))
}

/// What replies to a post directly.
pub(crate) async fn replies_page(
    database: &Database,
    user: Option<UserId>,
    post_id: PostId,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let rows: Vec<PostRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(REPLIES_PAGE)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(post_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("replies_page", query.load(conn)).await?)
        })
        .await?;
    if rows.is_empty() && post_find(database, user, post_id).await?.is_none() {
        return Err(post_not_found(post_id));
    }
    Ok(finish(page, rows))
}

/// The posts that mention a user.
pub(crate) async fn mentions_page(
    database: &Database,
    user: Option<UserId>,
    mentioned_id: UserId,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let rows = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(MENTIONS_PAGE)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(mentioned_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<PostRow> = run("mentions_page", query.load(conn)).await?;
            if rows.is_empty() {
                account_required(conn, mentioned_id).await?;
            }
            Ok(rows)
        })
        .await?;
    Ok(finish(page, rows))
}

/// The posts that name a topic.
pub(crate) async fn hashtag_page(
    database: &Database,
    user: Option<UserId>,
    topic: &Topic,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let rows = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(HASHTAG_PAGE)
                .bind::<BigInt, _>(viewer(user))
                .bind::<Text, _>(topic.as_str())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("hashtag_page", query.load(conn)).await?)
        })
        .await?;
    Ok(finish(page, rows))
}

/// Cuts what was fetched beyond the page.
pub(super) fn finish(page: &Page, mut rows: Vec<PostRow>) -> PostPage {
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    (rows, next)
}
