//! What a user posted, newest first: a statement for each of the four lists, so that each has its index.

use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, page_start, run, sql_query};
use kith_primitives::{Failure, Page, UserId};

use super::accounts::account_required;
use super::post_pages::{PostPage, finish};
use super::shape::{PostRow, of_page, page, viewer};
use crate::domain::PostKind;

/// Which of a user's posts are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthorList {
    pub(crate) author_id: UserId,
    /// `None` for any.
    pub(crate) kind: Option<PostKind>,
    pub(crate) with_replies: bool,
}

macro_rules! author_page {
    ($condition:literal) => {
        concat!(
            "WITH block AS MATERIALIZED (
                SELECT FROM social_graph.block_edges WHERE blocker_id = $1 AND blocked_id = $2
            ), ",
            page!(
                "SELECT * FROM posts.posts
                WHERE author_id = $2 AND (created_at, id) < ($3, $4) AND NOT EXISTS (SELECT FROM block) ",
                $condition,
                " ORDER BY created_at DESC, id DESC LIMIT $5"
            ),
            of_page!(),
            "ORDER BY page.created_at DESC, page.id DESC",
        )
    };
}

const ALL: &str = author_page!("");
const TOP: &str = author_page!("AND parent_id IS NULL");
const ALL_OF_KIND: &str = author_page!("AND type = $6");
const TOP_OF_KIND: &str = author_page!("AND type = $6 AND parent_id IS NULL");

/// A page of a user's posts; none where the viewer blocks that user.
pub(crate) async fn author_page(
    database: &Database,
    user: Option<UserId>,
    list: AuthorList,
    page: &Page,
) -> Result<PostPage, Failure> {
    let (time, key) = page_start(page);
    let sql = match (list.kind, list.with_replies) {
        (None, true) => ALL,
        (None, false) => TOP,
        (Some(_), true) => ALL_OF_KIND,
        (Some(_), false) => TOP_OF_KIND,
    };
    let rows = database
        .read(async |conn: &mut Connection| {
            let mut query = sql_query(sql)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(list.author_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            if let Some(kind) = list.kind {
                query = query.bind::<Text, _>(kind.as_str());
            }
            let rows: Vec<PostRow> = run("author_page", query.load(conn)).await?;
            if rows.is_empty() {
                account_required(conn, list.author_id).await?;
            }
            Ok(rows)
        })
        .await?;
    Ok(finish(page, rows))
}
