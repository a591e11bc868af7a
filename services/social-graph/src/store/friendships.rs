use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, Reason, UserId};
use kith_rules::identity::user_not_found;
use kith_rules::social_graph::FRIENDSHIP;

use super::accounts::account_exists;
use super::pairs::pair_lock_in_txn;

/// A friendship, from one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct FriendshipRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) friend_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
}

/// Friends need no decline between them any more.
const FRIENDSHIP_CREATE: &str = "
WITH lifted AS (
    DELETE FROM social_graph.friend_request_declines
    WHERE (from_user_id = $1 AND to_user_id = $2) OR (from_user_id = $2 AND to_user_id = $1)
), made AS (
    INSERT INTO social_graph.friendships (user_id, friend_id) VALUES ($1, $2), ($2, $1)
    RETURNING user_id, friend_id, created_at
)
SELECT user_id, friend_id, created_at FROM made WHERE user_id = $1
";

const FRIENDSHIP_FIND: &str = "
SELECT user_id, friend_id, created_at FROM social_graph.friendships WHERE user_id = $1 AND friend_id = $2
";

/// Both rows in one statement, so that the counts are changed in the order of users.
const FRIENDSHIP_DELETE: &str = "
WITH ended AS (
    DELETE FROM social_graph.friendships
    WHERE (user_id = $1 AND friend_id = $2) OR (user_id = $2 AND friend_id = $1)
    RETURNING user_id, friend_id, created_at
)
SELECT user_id, friend_id, created_at FROM ended WHERE user_id = $1
";

const FRIENDS_PAGE: &str = "
SELECT user_id, friend_id, created_at FROM social_graph.friendships
WHERE user_id = $1 AND (created_at, friend_id) < ($2, $3)
ORDER BY created_at DESC, friend_id DESC
LIMIT $4
";

/// Makes friends of two users. The caller has their lock, and no request is left between them.
pub(super) async fn friendship_create_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<FriendshipRow, Abort> {
    let query = sql_query(FRIENDSHIP_CREATE)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    Ok(run("friendship_create", query.get_result(conn)).await?)
}

/// The friendship of two users, if they are friends.
pub(super) async fn friendship_find_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<Option<FriendshipRow>, Abort> {
    let query = sql_query(FRIENDSHIP_FIND)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    Ok(run("friendship_find", query.get_result(conn)).await.optional()?)
}

/// Ends the friendship of two users whose lock the caller has, and answers it as it was.
pub(super) async fn friendship_delete_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<Option<FriendshipRow>, Abort> {
    let query = sql_query(FRIENDSHIP_DELETE)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    Ok(run("friendship_delete", query.get_result(conn))
        .await
        .optional()?)
}

/// Ends the friendship of two users and answers it as it was, from the one's side.
pub(crate) async fn friendship_delete(
    database: &Database,
    one: UserId,
    other: UserId,
) -> Result<Option<FriendshipRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            pair_lock_in_txn(conn, one, other).await?;
            friendship_delete_in_txn(conn, one, other).await
        })
        .await
}

/// The friends of `user_id`, newest first.
pub(crate) async fn friends_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<FriendshipRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<FriendshipRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(FRIENDS_PAGE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<FriendshipRow> = run("friends_page", query.load(conn)).await?;
            if rows.is_empty() && !account_exists(conn, user_id).await? {
                return Err(user_not_found(user_id).into());
            }
            Ok(rows)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.friend_id));
    Ok((rows, next))
}

/// The failure of a call that names a friendship which is not there.
pub(crate) fn friendship_not_found(user_id: UserId, friend_id: UserId) -> Failure {
    Failure::new(Reason::FriendshipNotFound, "there is no such friendship")
        .with_resource(FRIENDSHIP, format!("users/{user_id}/friends/{friend_id}"))
}
