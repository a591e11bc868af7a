use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, Page, UserId};

use crate::domain::SuggestionCursor;

/// Somebody whom a user may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct SuggestionRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) mutual_friends: i64,
}

/// Two steps along friendships, of each user the newest ones, so that it costs no more for those who have very many. What
/// is between the two is looked up for the best of the candidates only.
const FRIENDS_SUGGEST: &str = "
WITH friends AS MATERIALIZED (
    SELECT friend_id FROM social_graph.friendships
    WHERE user_id = $1
    ORDER BY created_at DESC, friend_id DESC
    LIMIT 500
), candidates AS MATERIALIZED (
    SELECT step.friend_id AS user_id, count(*) AS mutual_friends
    FROM friends
    CROSS JOIN LATERAL (
        SELECT friend_id FROM social_graph.friendships
        WHERE user_id = friends.friend_id
        ORDER BY created_at DESC, friend_id DESC
        LIMIT 500
    ) AS step
    WHERE step.friend_id <> $1
    GROUP BY step.friend_id
), strangers AS MATERIALIZED (
    SELECT user_id, mutual_friends FROM candidates
    WHERE NOT EXISTS (
        SELECT FROM social_graph.friendships AS own WHERE own.user_id = $1 AND own.friend_id = candidates.user_id
    )
    ORDER BY mutual_friends DESC, user_id
    LIMIT 1000
), accounts AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE is_active AND id = ANY (ARRAY(SELECT user_id FROM strangers))
)
SELECT user_id, mutual_friends
FROM strangers
JOIN accounts ON id = user_id
WHERE (mutual_friends < $2 OR (mutual_friends = $2 AND user_id > $3))
    AND NOT social_graph.is_blocked($1, user_id)
    AND NOT EXISTS (
        SELECT FROM social_graph.friend_requests
        WHERE least(from_user_id, to_user_id) = least($1, user_id)
            AND greatest(from_user_id, to_user_id) = greatest($1, user_id)
    )
    AND NOT EXISTS (
        SELECT FROM social_graph.friend_request_declines
        WHERE from_user_id = $1 AND to_user_id = user_id AND expires_at > now()
    )
    AND NOT EXISTS (
        SELECT FROM social_graph.friend_request_declines
        WHERE from_user_id = user_id AND to_user_id = $1 AND expires_at > now()
    )
ORDER BY mutual_friends DESC, user_id
LIMIT $4
";

/// Whom `user_id` may know, those with most mutual friends first.
pub(crate) async fn friends_suggest(
    database: &Database,
    user_id: UserId,
    page: &Page<SuggestionCursor>,
) -> Result<(Vec<SuggestionRow>, String), Failure> {
    let after = page.after().copied().unwrap_or(SuggestionCursor {
        mutual_friends: i64::MAX,
        user_id: i64::MAX,
    });
    let mut rows: Vec<SuggestionRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(FRIENDS_SUGGEST)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(after.mutual_friends)
                .bind::<BigInt, _>(after.user_id)
                .bind::<BigInt, _>(page.limit());
            Ok(run("friends_suggest", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| SuggestionCursor {
        mutual_friends: row.mutual_friends,
        user_id: row.user_id,
    });
    Ok((rows, next))
}
