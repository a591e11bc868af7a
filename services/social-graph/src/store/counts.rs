use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, OptionalRow, run, sql_query};
use kith_primitives::{Failure, UserId};
use kith_rules::identity::user_not_found;

/// The sizes of a user's lists.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub(crate) struct CountsRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) followers: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) following: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) friends: i64,
}

/// A user that nobody follows and that follows nobody, or that has no friends, may have no row yet.
const COUNTS_FIND: &str = "
WITH account AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE id = $1
)
SELECT
    coalesce(followers, 0) AS followers, coalesce(following, 0) AS following, coalesce(friends, 0) AS friends
FROM account
LEFT JOIN social_graph.follow_counts AS follow_counts ON follow_counts.user_id = account.id
LEFT JOIN social_graph.friend_counts AS friend_counts ON friend_counts.user_id = account.id
";

/// The counts of one user.
pub(crate) async fn counts_find(database: &Database, user_id: UserId) -> Result<CountsRow, Failure> {
    let row = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(COUNTS_FIND).bind::<BigInt, _>(user_id.get());
            Ok(run("counts_find", query.get_result(conn)).await.optional()?)
        })
        .await?;
    row.ok_or_else(|| user_not_found(user_id))
}
