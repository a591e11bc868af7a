use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, run, sql_query};
use kith_primitives::{Failure, Reason, UserId};
use kith_rules::interaction_not_allowed;
use kith_rules::social_graph::{FOLLOWS_FOLLOWED_ID_FKEY, FOLLOWS_FOLLOWER_ID_FKEY, FOLLOWS_PKEY};

use super::Batches;
use super::accounts::accounts_find_in_txn;
use super::follows::{Created, FollowRow};
use crate::domain::FollowEdge;

/// Who may follow whom, as a read names it; the two may be the same user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Edge {
    pub(crate) follower_id: UserId,
    pub(crate) followed_id: UserId,
}

#[derive(QueryableByName)]
struct EdgeRow {
    #[diesel(sql_type = BigInt)]
    follower_id: i64,
    #[diesel(sql_type = BigInt)]
    followed_id: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

const FOLLOWS_FIND: &str = "
SELECT follower_id, followed_id, created_at
FROM unnest($1::bigint[], $2::bigint[]) AS pair (follower_id, followed_id)
JOIN social_graph.follows USING (follower_id, followed_id)
";

/// Since when each of `edges` is a follow, in their order, from one snapshot.
pub(crate) async fn follows_find(
    database: &Database,
    edges: &[Edge],
) -> Result<Vec<Option<DateTime<Utc>>>, Failure> {
    let found = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(FOLLOWS_FIND)
                .bind::<Array<BigInt>, _>(column(edges, |edge| edge.follower_id))
                .bind::<Array<BigInt>, _>(column(edges, |edge| edge.followed_id));
            Ok(by_edge(run("follows_find", query.load(conn)).await?))
        })
        .await?;
    Ok(edges
        .iter()
        .map(|edge| {
            found
                .get(&(edge.follower_id.get(), edge.followed_id.get()))
                .copied()
        })
        .collect())
}

/// Sorted by the unordered pair, as every write of many pairs is, so that two batches lock in the same order. Pairs with a
/// block are left out; the trigger refuses the whole statement for a block that it does not see yet.
const FOLLOWS_CREATE: &str = "
WITH wanted AS (
    SELECT DISTINCT * FROM unnest($1::bigint[], $2::bigint[]) AS pair (follower_id, followed_id)
), accounts AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE id = ANY ($1 || $2)
)
INSERT INTO social_graph.follows (follower_id, followed_id)
SELECT follower_id, followed_id
FROM wanted
JOIN accounts AS follower ON follower.id = follower_id
JOIN accounts AS followed ON followed.id = followed_id
WHERE NOT social_graph.is_blocked(follower_id, followed_id)
ORDER BY least(follower_id, followed_id), greatest(follower_id, followed_id), follower_id
ON CONFLICT ON CONSTRAINT social_graph_follows_pkey DO NOTHING
RETURNING follower_id, followed_id, created_at
";

/// In the order of the request.
const BLOCKED_FIND: &str = "
SELECT one, other
FROM unnest($1::bigint[], $2::bigint[]) AS pair (one, other)
WHERE social_graph.is_blocked(one, other)
";

#[derive(QueryableByName)]
struct BlockedRow {
    #[diesel(sql_type = BigInt)]
    one: i64,
    #[diesel(sql_type = BigInt)]
    other: i64,
}

type Sinces = HashMap<(i64, i64), DateTime<Utc>>;

/// What a batch found out about its follows.
struct Batch {
    made: Sinces,
    existing: Sinces,
    blocked: HashSet<(i64, i64)>,
    accounts: HashSet<i64>,
}

/// Makes the follows that can be made, in one transaction. The outcomes are in the order of `edges`; one that exists,
/// also through an earlier item, is the failure of its item unless `allow_existing`.
pub(crate) async fn follows_create(
    database: &Database,
    batches: &Batches,
    edges: &[FollowEdge],
    allow_existing: bool,
) -> Result<Vec<Result<Created, Failure>>, Failure> {
    let _turn = batches.turn().await?;
    let mut made = Sinces::new();
    let mut batch = loop {
        match follows_create_once(database, edges).await {
            // A user vanished between the look at the accounts and the foreign key's, or a block came between the look at
            // the blocks and the trigger's. The next look sees that, and the item alone fails.
            Err(failure) if is_of_an_item(&failure) => {}
            Err(failure) => return Err(failure),
            Ok(batch) => {
                made.extend(&batch.made);
                if edges
                    .iter()
                    .all(|edge| batch.settles(*edge) || made.contains_key(&key(*edge)))
                {
                    break Batch { made, ..batch };
                }
                // A follow was there when the insert met it, and gone a statement later; or a user came between the
                // two. Either can be made now.
            }
        }
    };
    Ok(edges
        .iter()
        .map(|edge| batch.outcome(*edge, allow_existing))
        .collect())
}

/// Whether one item brought the statement down.
pub(super) fn is_of_an_item(failure: &Failure) -> bool {
    matches!(
        failure.reason(),
        Reason::UserNotFound | Reason::InteractionNotAllowed
    )
}

async fn follows_create_once(database: &Database, edges: &[FollowEdge]) -> Result<Batch, Failure> {
    let follower_ids = column(edges, FollowEdge::follower_id);
    let followed_ids = column(edges, FollowEdge::followed_id);
    database
        .transaction(async |conn: &mut Connection| {
            let query = sql_query(FOLLOWS_CREATE)
                .bind::<Array<BigInt>, _>(&follower_ids)
                .bind::<Array<BigInt>, _>(&followed_ids);
            let made = by_edge(run("follows_create", query.load(conn)).await?);
            if made.len() == edges.len() {
                return Ok(Batch {
                    made,
                    existing: Sinces::new(),
                    blocked: HashSet::new(),
                    accounts: HashSet::new(),
                });
            }
            let query = sql_query(FOLLOWS_FIND)
                .bind::<Array<BigInt>, _>(&follower_ids)
                .bind::<Array<BigInt>, _>(&followed_ids);
            let existing = by_edge(run("follows_find", query.load(conn)).await?);
            let blocked = blocked_find_in_txn(conn, &follower_ids, &followed_ids).await?;
            let accounts =
                accounts_find_in_txn(conn, &[follower_ids.as_slice(), &followed_ids].concat()).await?;
            Ok(Batch {
                made,
                existing,
                blocked,
                accounts,
            })
        })
        .await
}

/// Of the pairs of `ones` and `others`, those with a block, in either direction.
pub(super) async fn blocked_find_in_txn(
    conn: &mut Connection,
    ones: &[i64],
    others: &[i64],
) -> Result<HashSet<(i64, i64)>, Abort> {
    let query = sql_query(BLOCKED_FIND)
        .bind::<Array<BigInt>, _>(ones)
        .bind::<Array<BigInt>, _>(others);
    let rows: Vec<BlockedRow> = run("blocked_find", query.load(conn)).await?;
    Ok(rows.into_iter().map(|row| (row.one, row.other)).collect())
}

impl Batch {
    /// Whether it is known what is with `edge`: it is there, or there is a block, or one of its users is not there.
    fn settles(&self, edge: FollowEdge) -> bool {
        let (follower_id, followed_id) = key(edge);
        let there = self.made.contains_key(&key(edge)) || self.existing.contains_key(&key(edge));
        there
            || self.blocked.contains(&key(edge))
            || !self.accounts.contains(&follower_id)
            || !self.accounts.contains(&followed_id)
    }

    /// The first of several equal items is the one that made the follow.
    fn outcome(&mut self, edge: FollowEdge, allow_existing: bool) -> Result<Created, Failure> {
        let key = key(edge);
        if let Some(since) = self.made.remove(&key) {
            self.existing.insert(key, since);
            return Ok(Created {
                follow: FollowRow::of(edge, since),
                existing: false,
            });
        }
        match self.existing.get(&key) {
            Some(since) if allow_existing => Ok(Created {
                follow: FollowRow::of(edge, *since),
                existing: true,
            }),
            Some(_) => Err(FOLLOWS_PKEY.failure()),
            None if !self.accounts.contains(&key.0) => Err(FOLLOWS_FOLLOWER_ID_FKEY.failure()),
            None if self.blocked.contains(&key) => Err(interaction_not_allowed()),
            None => Err(FOLLOWS_FOLLOWED_ID_FKEY.failure()),
        }
    }
}

fn key(edge: FollowEdge) -> (i64, i64) {
    (edge.follower_id().get(), edge.followed_id().get())
}

fn by_edge(rows: Vec<EdgeRow>) -> Sinces {
    rows.into_iter()
        .map(|row| ((row.follower_id, row.followed_id), row.created_at))
        .collect()
}

fn column<T: Copy>(edges: &[T], id: impl Fn(T) -> UserId) -> Vec<i64> {
    edges.iter().map(|edge| id(*edge).get()).collect()
}
