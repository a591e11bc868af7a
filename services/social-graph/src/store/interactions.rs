use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Nullable, Text};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, run, sql_query};
use kith_primitives::Failure;

use crate::domain::{AcceptedSenders, Action, Facts, Interaction};

/// In the order of the request, all from one snapshot. Open requests are counted up to the limit, and only where it
/// matters. What is between two users is looked up for each pair, by LIMIT also where the planner would rather join: one of
/// them may have edges by the million.
const FACTS_FIND: &str = "
WITH wanted AS MATERIALIZED (
    SELECT actor_id, target_id, asks, place
    FROM unnest($1::bigint[], $2::bigint[], $3::boolean[]) WITH ORDINALITY AS wanted (actor_id, target_id, asks, place)
), accounts AS MATERIALIZED (
    SELECT id, is_active FROM identity.accounts WHERE id = ANY ($1 || $2)
), accepted AS MATERIALIZED (
    SELECT user_id, senders FROM messaging.accepted_senders WHERE user_id = ANY ($2)
)
SELECT
    actor.is_active AS actor_active,
    target.is_active AS target_active,
    social_graph.is_blocked(actor_id, target_id) AS is_blocked,
    EXISTS (
        SELECT FROM social_graph.follows WHERE follower_id = actor_id AND followed_id = target_id
    ) AS follows,
    EXISTS (
        SELECT FROM social_graph.friendships WHERE user_id = actor_id AND friend_id = target_id
    ) AS are_friends,
    coalesce(request.from_user_id = actor_id, false) AS has_asked,
    coalesce(request.from_user_id = target_id, false) AS was_asked,
    (
        SELECT extract(epoch FROM expires_at - statement_timestamp())::double precision
        FROM social_graph.friend_request_declines
        WHERE from_user_id = actor_id AND to_user_id = target_id AND expires_at > statement_timestamp()
    ) AS declined_for,
    CASE WHEN asks THEN (
        SELECT count(*) FROM (
            SELECT FROM social_graph.friend_requests AS sent WHERE sent.from_user_id = actor_id LIMIT $4
        ) AS sent
    ) ELSE 0 END AS sent_requests,
    coalesce((SELECT senders FROM accepted WHERE user_id = target_id), 'everyone') AS accepted_senders
FROM wanted
LEFT JOIN accounts AS actor ON actor.id = actor_id
LEFT JOIN accounts AS target ON target.id = target_id
LEFT JOIN LATERAL (
    SELECT from_user_id FROM social_graph.friend_requests
    WHERE least(from_user_id, to_user_id) = least(actor_id, target_id)
        AND greatest(from_user_id, to_user_id) = greatest(actor_id, target_id)
    LIMIT 1
) AS request ON true
ORDER BY place
";

#[derive(QueryableByName)]
struct FactsRow {
    #[diesel(sql_type = Nullable<Bool>)]
    actor_active: Option<bool>,
    #[diesel(sql_type = Nullable<Bool>)]
    target_active: Option<bool>,
    #[diesel(sql_type = Bool)]
    is_blocked: bool,
    #[diesel(sql_type = Bool)]
    follows: bool,
    #[diesel(sql_type = Bool)]
    are_friends: bool,
    #[diesel(sql_type = Bool)]
    has_asked: bool,
    #[diesel(sql_type = Bool)]
    was_asked: bool,
    #[diesel(sql_type = Nullable<Double>)]
    declined_for: Option<f64>,
    #[diesel(sql_type = BigInt)]
    sent_requests: i64,
    #[diesel(sql_type = Text)]
    accepted_senders: String,
}

impl From<FactsRow> for Facts {
    fn from(row: FactsRow) -> Self {
        let seconds = row.declined_for.map(Duration::try_from_secs_f64);
        Self {
            actor_active: row.actor_active,
            target_active: row.target_active,
            is_blocked: row.is_blocked,
            follows: row.follows,
            are_friends: row.are_friends,
            has_asked: row.has_asked,
            was_asked: row.was_asked,
            declined_for: seconds.map(|remaining| remaining.unwrap_or(Duration::MAX)),
            sent_requests: u32::try_from(row.sent_requests).unwrap_or(u32::MAX),
            accepted_senders: AcceptedSenders::from_database(&row.accepted_senders),
        }
    }
}

/// What decides about each of `interactions`, in their order, from one snapshot.
pub(crate) async fn facts_find(
    database: &Database,
    interactions: &[Interaction],
    max_open_requests: u32,
) -> Result<Vec<Facts>, Failure> {
    database
        .read(async |conn: &mut Connection| facts_find_in_txn(conn, interactions, max_open_requests).await)
        .await
}

/// The same, as the transaction sees it.
pub(super) async fn facts_find_in_txn(
    conn: &mut Connection,
    interactions: &[Interaction],
    max_open_requests: u32,
) -> Result<Vec<Facts>, Abort> {
    let ids = |id: fn(&Interaction) -> i64| interactions.iter().map(id).collect::<Vec<i64>>();
    let asks = interactions
        .iter()
        .map(|interaction| interaction.action == Action::Befriend);
    let query = sql_query(FACTS_FIND)
        .bind::<Array<BigInt>, _>(ids(|interaction| interaction.actor_id.get()))
        .bind::<Array<BigInt>, _>(ids(|interaction| interaction.target_id.get()))
        .bind::<Array<Bool>, _>(asks.collect::<Vec<bool>>())
        .bind::<BigInt, _>(i64::from(max_open_requests));
    let rows: Vec<FactsRow> = run("interaction_facts_find", query.load(conn)).await?;
    Ok(rows.into_iter().map(Facts::from).collect())
}
