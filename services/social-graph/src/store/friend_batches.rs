use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, run, sql_query};
use kith_primitives::Failure;
use kith_rules::interaction_not_allowed;
use kith_rules::social_graph::{FRIENDSHIPS_PKEY, FRIENDSHIPS_USER_ID_FKEY};

use super::Batches;
use super::accounts::accounts_find_in_txn;
use super::batches::{blocked_find_in_txn, is_of_an_item};
use super::friendships::FriendshipRow;
use super::pairs::pairs_lock_in_txn;
use crate::domain::Pair;

/// What became of a wish for a friendship.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Befriended {
    pub(crate) friendship: FriendshipRow,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

/// Two users, the lower id first.
type Key = (i64, i64);
type Sinces = HashMap<Key, DateTime<Utc>>;

const FRIENDSHIPS_FIND: &str = "
SELECT low, high, created_at
FROM unnest($1::bigint[], $2::bigint[]) AS pair (low, high)
JOIN social_graph.friendships ON user_id = low AND friend_id = high
";

const REQUESTS_DELETE_BETWEEN: &str = "
WITH lifted AS (
    DELETE FROM social_graph.friend_request_declines
    USING unnest($1::bigint[] || $2::bigint[], $2 || $1) AS side (from_id, to_id)
    WHERE from_user_id = from_id AND to_user_id = to_id
)
DELETE FROM social_graph.friend_requests
USING unnest($1::bigint[], $2::bigint[]) AS pair (low, high)
WHERE least(from_user_id, to_user_id) = low AND greatest(from_user_id, to_user_id) = high
";

const FRIENDSHIPS_CREATE: &str = "
WITH pairs AS (
    SELECT low, high FROM unnest($1::bigint[], $2::bigint[]) AS pair (low, high)
), made AS (
    INSERT INTO social_graph.friendships (user_id, friend_id)
    SELECT low, high FROM pairs UNION ALL SELECT high, low FROM pairs
    RETURNING user_id, friend_id, created_at
)
SELECT user_id AS low, friend_id AS high, created_at FROM made WHERE user_id < friend_id
";

#[derive(QueryableByName)]
struct SinceRow {
    #[diesel(sql_type = BigInt)]
    low: i64,
    #[diesel(sql_type = BigInt)]
    high: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

/// What a batch found out about its pairs.
struct Batch {
    made: Sinces,
    existing: Sinces,
    blocked: HashSet<Key>,
    accounts: HashSet<i64>,
}

/// Makes the friendships that can be made, in one transaction. The outcomes are in the order of `pairs`; one that exists,
/// also through an earlier item, is the failure of its item unless `allow_existing`.
pub(crate) async fn friendships_create(
    database: &Database,
    batches: &Batches,
    pairs: &[Pair],
    allow_existing: bool,
) -> Result<Vec<Result<Befriended, Failure>>, Failure> {
    let _turn = batches.turn().await?;
    let keys: BTreeSet<Key> = pairs.iter().map(|pair| pair.unordered()).collect();
    let mut batch = loop {
        match friendships_create_once(database, &keys).await {
            // A user vanished between the look at the accounts and the foreign key's. The next look sees that, and the item
            // alone fails.
            Err(failure) if is_of_an_item(&failure) => {}
            outcome => break outcome?,
        }
    };
    Ok(pairs
        .iter()
        .map(|pair| batch.outcome(*pair, allow_existing))
        .collect())
}

/// Nothing about the pairs can change once they are locked, but that one of the users goes.
async fn friendships_create_once(database: &Database, keys: &BTreeSet<Key>) -> Result<Batch, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let (lows, highs) = columns(keys.iter());
            pairs_lock_in_txn(conn, &lows, &highs).await?;
            let mut batch = Batch {
                made: Sinces::new(),
                existing: sinces_in_txn(conn, "friendships_find", FRIENDSHIPS_FIND, &lows, &highs).await?,
                blocked: blocked_find_in_txn(conn, &lows, &highs).await?,
                accounts: accounts_find_in_txn(conn, &[lows, highs].concat()).await?,
            };
            let (lows, highs) = columns(keys.iter().filter(|key| batch.is_open(key)));
            let query = sql_query(REQUESTS_DELETE_BETWEEN)
                .bind::<Array<BigInt>, _>(&lows)
                .bind::<Array<BigInt>, _>(&highs);
            run("friend_requests_delete_between", query.execute(conn)).await?;
            batch.made = sinces_in_txn(conn, "friendships_create", FRIENDSHIPS_CREATE, &lows, &highs).await?;
            Ok(batch)
        })
        .await
}

async fn sinces_in_txn(
    conn: &mut Connection,
    name: &'static str,
    sql: &'static str,
    lows: &[i64],
    highs: &[i64],
) -> Result<Sinces, Abort> {
    let query = sql_query(sql)
        .bind::<Array<BigInt>, _>(lows)
        .bind::<Array<BigInt>, _>(highs);
    let rows: Vec<SinceRow> = run(name, query.load(conn)).await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.low, row.high), row.created_at))
        .collect())
}

fn columns<'a>(keys: impl Iterator<Item = &'a Key>) -> (Vec<i64>, Vec<i64>) {
    keys.copied().unzip()
}

impl Batch {
    /// Whether the two can become friends.
    fn is_open(&self, key: &Key) -> bool {
        let there = self.accounts.contains(&key.0) && self.accounts.contains(&key.1);
        there && !self.blocked.contains(key) && !self.existing.contains_key(key)
    }

    /// The first of several equal items is the one that made the friendship.
    fn outcome(&mut self, pair: Pair, allow_existing: bool) -> Result<Befriended, Failure> {
        let key = pair.unordered();
        let befriended = |since, existing| Befriended {
            friendship: FriendshipRow {
                user_id: pair.one().get(),
                friend_id: pair.other().get(),
                created_at: since,
            },
            existing,
        };
        if let Some(since) = self.made.remove(&key) {
            self.existing.insert(key, since);
            return Ok(befriended(since, false));
        }
        match self.existing.get(&key) {
            Some(since) if allow_existing => Ok(befriended(*since, true)),
            Some(_) => Err(FRIENDSHIPS_PKEY.failure()),
            None if self.blocked.contains(&key) => Err(interaction_not_allowed()),
            None => Err(FRIENDSHIPS_USER_ID_FKEY.failure()),
        }
    }
}
