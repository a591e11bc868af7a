//! The pair lock. Whoever changes a friendship, a request or a block takes it in the first statement of the transaction:
//! only the statements after it are sure to see what others did to the two before.

use diesel::sql_types::{Array, BigInt};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, run, sql_query};
use kith_primitives::UserId;

const PAIR_LOCK: &str = "SELECT social_graph.pair_lock($1, $2)";

/// In one order, so that two batches do not wait for each other in a circle.
const PAIRS_LOCK: &str = "
SELECT social_graph.pair_lock(low, high)
FROM (
    SELECT DISTINCT low, high FROM unnest($1::bigint[], $2::bigint[]) AS pair (low, high) ORDER BY low, high
) AS pairs
";

/// Takes the lock of two users, until the end of the transaction.
pub(super) async fn pair_lock_in_txn(conn: &mut Connection, one: UserId, other: UserId) -> Result<(), Abort> {
    let query = sql_query(PAIR_LOCK)
        .bind::<BigInt, _>(one.get())
        .bind::<BigInt, _>(other.get());
    run("pair_lock", query.execute(conn)).await?;
    Ok(())
}

/// Takes the locks of many pairs, each with the lower id in `lows`, until the end of the transaction.
pub(super) async fn pairs_lock_in_txn(
    conn: &mut Connection,
    lows: &[i64],
    highs: &[i64],
) -> Result<(), Abort> {
    let query = sql_query(PAIRS_LOCK)
        .bind::<Array<BigInt>, _>(lows)
        .bind::<Array<BigInt>, _>(highs);
    run("pairs_lock", query.execute(conn)).await?;
    Ok(())
}
