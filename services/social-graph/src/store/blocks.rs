use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, cursor, page_start, run, sql_query};
use kith_primitives::{Failure, Page, Reason, UserId};
use kith_rules::social_graph::{BLOCK, BLOCKS_BLOCKED_ID_FKEY, BLOCKS_PKEY};

use super::follows::FollowRow;
use super::friendships::{FriendshipRow, friendship_delete_in_txn};
use super::pairs::pair_lock_in_txn;
use super::requests::{RequestRow, request_delete_between_in_txn};
use crate::domain::Pair;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct BlockRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) blocker_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) blocked_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
}

/// What a block cut, as it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receipt {
    /// At most one in each direction.
    pub(crate) follows: Vec<FollowRow>,
    /// From the blocker's side.
    pub(crate) friendship: Option<FriendshipRow>,
    pub(crate) request: Option<RequestRow>,
}

/// What became of a wish to block.
#[derive(Clone, Debug)]
pub(crate) struct Blocked {
    pub(crate) block: BlockRow,
    pub(crate) receipt: Receipt,
    /// Whether it was there before.
    pub(crate) existing: bool,
}

const BLOCK_CREATE: &str = "
INSERT INTO social_graph.blocks (blocker_id, blocked_id) VALUES ($1, $2)
ON CONFLICT ON CONSTRAINT social_graph_blocks_pkey DO NOTHING
RETURNING blocker_id, blocked_id, created_at
";

const BLOCK_FIND: &str = "
SELECT blocker_id, blocked_id, created_at FROM social_graph.blocks WHERE blocker_id = $1 AND blocked_id = $2
";

const BLOCK_DELETE: &str = "
DELETE FROM social_graph.blocks WHERE blocker_id = $1 AND blocked_id = $2
RETURNING blocker_id, blocked_id, created_at
";

const FOLLOWS_DELETE_BETWEEN: &str = "
DELETE FROM social_graph.follows
WHERE (follower_id = $1 AND followed_id = $2) OR (follower_id = $2 AND followed_id = $1)
RETURNING follower_id, followed_id, created_at
";

const BLOCKS_PAGE: &str = "
SELECT blocker_id, blocked_id, created_at FROM social_graph.blocks
WHERE blocker_id = $1 AND (created_at, blocked_id) < ($2, $3)
ORDER BY created_at DESC, blocked_id DESC
LIMIT $4
";

/// Blocks the other for the one, and cuts what is between them. A block that exists is a failure unless `allow_existing`.
pub(crate) async fn block_create(
    database: &Database,
    pair: Pair,
    allow_existing: bool,
) -> Result<Blocked, Failure> {
    let (one, other) = (pair.one(), pair.other());
    database
        .transaction(async |conn: &mut Connection| {
            pair_lock_in_txn(conn, one, other).await?;
            let made = block_in_txn(conn, "block_create", BLOCK_CREATE, one, other).await?;
            let Some(block) = made else {
                return existing_in_txn(conn, one, other, allow_existing).await;
            };
            // Follows before friendships, as the counts of both are locked in this order by all who touch both.
            Ok(Blocked {
                block,
                receipt: Receipt {
                    follows: follows_delete_between_in_txn(conn, one, other).await?,
                    friendship: friendship_delete_in_txn(conn, one, other).await?,
                    request: request_delete_between_in_txn(conn, one, other).await?,
                },
                existing: false,
            })
        })
        .await
}

async fn existing_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
    allow_existing: bool,
) -> Result<Blocked, Abort> {
    if !allow_existing {
        return Err(BLOCKS_PKEY.failure().into());
    }
    let block = block_in_txn(conn, "block_find", BLOCK_FIND, one, other).await?;
    Ok(Blocked {
        // It went with one of the users.
        block: block.ok_or_else(|| BLOCKS_BLOCKED_ID_FKEY.failure())?,
        receipt: Receipt::default(),
        existing: true,
    })
}

async fn block_in_txn(
    conn: &mut Connection,
    name: &'static str,
    sql: &'static str,
    blocker_id: UserId,
    blocked_id: UserId,
) -> Result<Option<BlockRow>, Abort> {
    let query = sql_query(sql)
        .bind::<BigInt, _>(blocker_id.get())
        .bind::<BigInt, _>(blocked_id.get());
    Ok(run(name, query.get_result(conn)).await.optional()?)
}

async fn follows_delete_between_in_txn(
    conn: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<Vec<FollowRow>, Abort> {
    let query = sql_query(FOLLOWS_DELETE_BETWEEN)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    Ok(run("follows_delete_between", query.load(conn)).await?)
}

/// Ends the block of one user by another and answers it as it was.
pub(crate) async fn block_delete(
    database: &Database,
    blocker_id: UserId,
    blocked_id: UserId,
) -> Result<Option<BlockRow>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            pair_lock_in_txn(conn, blocker_id, blocked_id).await?;
            block_in_txn(conn, "block_delete", BLOCK_DELETE, blocker_id, blocked_id).await
        })
        .await
}

/// Whom `user_id` blocks, newest first.
pub(crate) async fn blocks_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<BlockRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<BlockRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(BLOCKS_PAGE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("blocks_page", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.blocked_id));
    Ok((rows, next))
}

/// The failure of a call that names a block which is not there.
pub(crate) fn block_not_found(blocker_id: UserId, blocked_id: UserId) -> Failure {
    Failure::new(Reason::BlockNotFound, "there is no such block")
        .with_resource(BLOCK, format!("users/{blocker_id}/blocks/{blocked_id}"))
}
