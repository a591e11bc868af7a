use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{Failure, UserId};
use kith_rules::identity::user_not_found;

use super::requests::RequestRow;

/// Everything that is between a viewer and a user; what is `None` is not there.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct RelationshipRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) user_id: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) follows_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) followed_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) friends_since: Option<DateTime<Utc>>,
    #[diesel(embed)]
    pub(crate) request: RequestPart,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) blocks_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) mutes_since: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) mute_expires_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) blocked_since: Option<DateTime<Utc>>,
}

/// The columns of the request between the two: all there or none.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct RequestPart {
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) request_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) request_from: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) request_to: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) request_note: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) requested_at: Option<DateTime<Utc>>,
}

impl RequestPart {
    /// The request, if there is one.
    pub(crate) fn into_row(self) -> Option<RequestRow> {
        Some(RequestRow {
            id: self.request_id?,
            from_user_id: self.request_from?,
            to_user_id: self.request_to?,
            note: self.request_note?,
            created_at: self.requested_at?,
        })
    }
}

/// One snapshot and one statement. What is between two users is looked up for each pair, by LIMIT also where the planner
/// would rather join: the viewer may have edges by the million. The viewer is a column and no parameter, so that no plan is
/// made for how many edges this one has: what is expected of a pair is one row, and that is the primary key's.
const RELATIONSHIPS_FIND: &str = "
WITH accounts AS MATERIALIZED (
    SELECT id, $1 AS viewer_id FROM identity.accounts WHERE id = ANY ($2 || $1)
)
SELECT
    accounts.id AS user_id,
    (SELECT created_at FROM social_graph.follows WHERE follower_id = viewer_id AND followed_id = accounts.id) AS follows_since,
    (SELECT created_at FROM social_graph.follows WHERE follower_id = accounts.id AND followed_id = viewer_id) AS followed_since,
    (SELECT created_at FROM social_graph.friendships WHERE user_id = viewer_id AND friend_id = accounts.id) AS friends_since,
    request.id AS request_id, request.from_user_id AS request_from, request.to_user_id AS request_to,
    request.note AS request_note, request.created_at AS requested_at,
    (SELECT created_at FROM social_graph.blocks WHERE blocker_id = viewer_id AND blocked_id = accounts.id) AS blocks_since,
    mute.created_at AS mutes_since, mute.expires_at AS mute_expires_at,
    CASE WHEN $3 THEN (
        SELECT created_at FROM social_graph.blocks WHERE blocker_id = accounts.id AND blocked_id = viewer_id
    ) END AS blocked_since
FROM accounts
LEFT JOIN LATERAL (
    SELECT friend_requests.id, from_user_id, to_user_id, note, created_at FROM social_graph.friend_requests
    WHERE least(from_user_id, to_user_id) = least(viewer_id, accounts.id)
        AND greatest(from_user_id, to_user_id) = greatest(viewer_id, accounts.id)
    LIMIT 1
) AS request ON true
LEFT JOIN LATERAL (
    SELECT created_at, expires_at FROM social_graph.mutes
    WHERE muter_id = viewer_id AND muted_id = accounts.id AND (expires_at IS NULL OR expires_at > now())
    LIMIT 1
) AS mute ON true
";

/// What is between `viewer_id` and each of `user_ids` that exists, by id. Blocks of the viewer only where `sees_blockers`.
pub(crate) async fn relationships_find(
    database: &Database,
    viewer_id: UserId,
    user_ids: &[UserId],
    sees_blockers: bool,
) -> Result<HashMap<i64, RelationshipRow>, Failure> {
    let ids: Vec<i64> = user_ids.iter().map(|id| id.get()).collect();
    let rows: Vec<RelationshipRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(RELATIONSHIPS_FIND)
                .bind::<BigInt, _>(viewer_id.get())
                .bind::<Array<BigInt>, _>(&ids)
                .bind::<Bool, _>(sees_blockers);
            Ok(run("relationships_find", query.load(conn)).await?)
        })
        .await?;
    let rows: HashMap<i64, RelationshipRow> = rows.into_iter().map(|row| (row.user_id, row)).collect();
    if rows.contains_key(&viewer_id.get()) {
        Ok(rows)
    } else {
        Err(user_not_found(viewer_id))
    }
}
