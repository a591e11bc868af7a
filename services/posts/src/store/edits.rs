use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, PostId, UserId};

use super::posts::{post_find, post_not_found};
use super::shape::{hidden, viewer};

/// What a post said until it was changed.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct EditRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) post_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) version: i64,
    #[diesel(sql_type = Text)]
    pub(crate) content: String,
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) media_url: String,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) started_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) ended_at: DateTime<Utc>,
}

const EDITS_PAGE: &str = concat!(
    "WITH ",
    hidden!(),
    ", post AS MATERIALIZED (
    SELECT id FROM posts.posts WHERE id = $2 AND author_id NOT IN (SELECT user_id FROM hidden)
)
SELECT post_id, version, content, type AS kind, media_url, started_at, ended_at
FROM posts.post_edits
WHERE post_id = (SELECT id FROM post) AND version < $3
ORDER BY version DESC
LIMIT $4
",
);

/// What a post said before, newest first. Its versions are in the order of time.
pub(crate) async fn edits_page(
    database: &Database,
    user: Option<UserId>,
    id: PostId,
    page: &Page,
) -> Result<(Vec<EditRow>, String), Failure> {
    let (_, version) = page_start(page);
    let mut rows: Vec<EditRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(EDITS_PAGE)
                .bind::<BigInt, _>(viewer(user))
                .bind::<BigInt, _>(id.get())
                .bind::<BigInt, _>(version)
                .bind::<BigInt, _>(page.limit());
            Ok(run("edits_page", query.load(conn)).await?)
        })
        .await?;
    if rows.is_empty() && post_find(database, user, id).await?.is_none() {
        return Err(post_not_found(id));
    }
    let next = page.finish(&mut rows, |row| cursor(row.ended_at, row.version));
    Ok((rows, next))
}
