use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, Page, UserId};
use kith_rules::identity::user_not_found;

use super::accounts::accounts_find_in_txn;
use crate::domain::UserCursor;

#[derive(QueryableByName)]
struct MutualFriendRow {
    #[diesel(sql_type = BigInt)]
    user_id: i64,
}

/// Both sides in the order of the primary key and from the same place, so that a page reads no more of them than it passes,
/// however late it is.
const MUTUAL_FRIENDS_PAGE: &str = "
SELECT one.friend_id AS user_id
FROM social_graph.friendships AS one
JOIN social_graph.friendships AS other
    ON other.user_id = $2 AND other.friend_id = one.friend_id AND other.friend_id > $3
WHERE one.user_id = $1 AND one.friend_id > $3
ORDER BY one.friend_id
LIMIT $4
";

/// Who is the friend of both, by id. An empty page may mean that one of them is no user, and only then is it asked.
pub(crate) async fn mutual_friends_page(
    database: &Database,
    one: UserId,
    other: UserId,
    page: &Page<UserCursor>,
) -> Result<(Vec<i64>, String), Failure> {
    let after = page.after().map_or(i64::MIN, |cursor| cursor.0);
    let rows: Vec<MutualFriendRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(MUTUAL_FRIENDS_PAGE)
                .bind::<BigInt, _>(one.get())
                .bind::<BigInt, _>(other.get())
                .bind::<BigInt, _>(after)
                .bind::<BigInt, _>(page.limit());
            let rows: Vec<MutualFriendRow> = run("mutual_friends_page", query.load(conn)).await?;
            if rows.is_empty() {
                let accounts = accounts_find_in_txn(conn, &[one.get(), other.get()]).await?;
                if let Some(id) = [one, other].into_iter().find(|id| !accounts.contains(&id.get())) {
                    return Err(user_not_found(id).into());
                }
            }
            Ok(rows)
        })
        .await?;
    let mut ids: Vec<i64> = rows.into_iter().map(|row| row.user_id).collect();
    let next = page.finish(&mut ids, |id| UserCursor(*id));
    Ok((ids, next))
}
