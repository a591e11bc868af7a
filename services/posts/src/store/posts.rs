use diesel::sql_types::{Array, BigInt};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, PostId, Reason, UserId};
use kith_rules::posts::POST;

use super::shape::{PostRow, hidden, of_page, viewer};

const POSTS_FIND: &str = concat!(
    "WITH ",
    hidden!(),
    ", page AS MATERIALIZED (
        SELECT * FROM posts.posts WHERE id = ANY ($2) AND author_id NOT IN (SELECT user_id FROM hidden)
    )",
    of_page!(),
);

/// Those of `ids` that are there for the user who reads, in no order, from one snapshot.
pub(crate) async fn posts_find(
    database: &Database,
    user: Option<UserId>,
    ids: &[i64],
) -> Result<Vec<PostRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = sql_query(POSTS_FIND)
                .bind::<BigInt, _>(viewer(user))
                .bind::<Array<BigInt>, _>(ids);
            Ok(run("posts_find", query.load(conn)).await?)
        })
        .await
}

/// One post, if it is there for the user who reads.
pub(crate) async fn post_find(
    database: &Database,
    user: Option<UserId>,
    id: PostId,
) -> Result<Option<PostRow>, Failure> {
    Ok(posts_find(database, user, &[id.get()]).await?.pop())
}

/// The failure of a call that names a post which is not there for the caller.
pub(crate) fn post_not_found(id: PostId) -> Failure {
    Failure::new(Reason::PostNotFound, "there is no such post").with_resource(POST, format!("posts/{id}"))
}
