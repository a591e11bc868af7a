use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, PostId, Reason, UserId};

use super::changes::not_owned;
use super::shape::{PostRow, of_page};

/// The parent's lock first: whoever deletes the parent has it before those of the replies. The post's, then the rest, as in
/// an update: mentions and hashtags are seen as they were before the wait, and belong to the version that was seen.
const POST_DELETE: &str = concat!(
    "
WITH seen AS MATERIALIZED (
    SELECT parent_id, version FROM posts.posts WHERE id = $2 AND author_id = $1
), parent AS MATERIALIZED (
    SELECT posts.post_lock(parent_id) AS author_id FROM seen WHERE parent_id IS NOT NULL
), locked AS MATERIALIZED (
    SELECT * FROM posts.posts
    WHERE id = $2 AND author_id = $1 AND (SELECT count(*) FROM parent) >= 0
    FOR UPDATE
), deleted AS (
    DELETE FROM posts.posts USING locked
    WHERE posts.id = locked.id AND locked.version = (SELECT version FROM seen)
    RETURNING posts.*
), page AS MATERIALIZED (
    SELECT *, EXISTS (SELECT FROM deleted) AS is_deleted
    FROM (SELECT * FROM deleted UNION ALL SELECT * FROM locked WHERE NOT EXISTS (SELECT FROM deleted)) AS latest
)",
    of_page!(),
);

#[derive(QueryableByName)]
struct DeleteOutcome {
    #[diesel(embed)]
    post: PostRow,
    #[diesel(sql_type = Bool)]
    is_deleted: bool,
}

/// Deletes a post of the author's with all that is beneath it, and answers it as it was; `None` when there is none.
pub(crate) async fn post_delete(
    database: &Database,
    author_id: UserId,
    id: PostId,
) -> Result<Option<PostRow>, Failure> {
    loop {
        match post_delete_once(database, author_id, id).await? {
            Some(outcome) if outcome.is_deleted => return Ok(Some(outcome.post)),
            // The statement waited for a change. The next one sees it.
            Some(_) => {}
            None => {
                let failure = not_owned(database, author_id, id).await;
                return match failure.reason() {
                    Reason::PostNotFound => Ok(None),
                    _ => Err(failure),
                };
            }
        }
    }
}

async fn post_delete_once(
    database: &Database,
    author_id: UserId,
    id: PostId,
) -> Result<Option<DeleteOutcome>, Failure> {
    // A transaction for one statement: so its limit is the call's, and not the role's.
    database
        .transaction(async |conn: &mut Connection| {
            let query = sql_query(POST_DELETE)
                .bind::<BigInt, _>(author_id.get())
                .bind::<BigInt, _>(id.get());
            let outcomes = run("post_delete", query.load(conn)).await?;
            Ok(outcomes.into_iter().next())
        })
        .await
}
