use diesel::prelude::*;
use diesel::sql_types::BigInt;
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, run, sql_query};
use kith_primitives::{ConversationId, Failure, UserId};

use super::conversations::conversation_not_found;

/// As many are counted: one more than is told, to learn whether there are more.
macro_rules! counted {
    () => {
        "1001"
    };
}

/// How many messages the reader has unread in a conversation, as a subquery of one column `unread`.
macro_rules! count_unread {
    ($reader:literal, $conversation:literal, $read_seq:literal) => {
        concat!(
            "SELECT count(*) AS unread FROM (SELECT FROM messaging.unread(",
            $reader,
            ", ",
            $conversation,
            ", ",
            $read_seq,
            ") LIMIT ",
            counted!(),
            ") AS counted"
        )
    };
}

pub(super) use {count_unread, counted};

const UNREAD_COUNT_IN: &str = concat!(
    "SELECT (",
    count_unread!("own.user_id", "own.conversation_id", "own.read_seq"),
    ") AS unread
    FROM messaging.members AS own WHERE conversation_id = $2 AND user_id = $1"
);

/// Only where something may be unread, of which an index knows. In its order, since the planner would else count on finding
/// enough at the beginning of the whole table. A conversation whose unread messages were all deleted stays in that index until it
/// is marked, and is looked at in vain; 10,000 of them took 16 to 28 ms, so there is no bound on them.
const UNREAD_COUNT: &str = concat!(
    "SELECT count(*) AS unread FROM (
        SELECT FROM messaging.members AS own
        CROSS JOIN LATERAL messaging.unread(own.user_id, own.conversation_id, own.read_seq)
        WHERE own.user_id = $1 AND own.received_seq > own.read_seq
        ORDER BY own.conversation_id
        LIMIT ",
    counted!(),
    ") AS counted"
);

/// How many messages are unread, of those that were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Unread {
    #[diesel(sql_type = BigInt)]
    pub(crate) unread: i64,
}

/// What `user_id` has unread in all conversations.
pub(crate) async fn unread_count(database: &Database, user_id: UserId) -> Result<Unread, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = sql_query(UNREAD_COUNT).bind::<BigInt, _>(user_id.get());
            Ok(run("unread_count", query.get_result(conn)).await?)
        })
        .await
}

/// What `user_id` has unread in a conversation of its own.
pub(crate) async fn unread_count_in(
    database: &Database,
    user_id: UserId,
    conversation_id: ConversationId,
) -> Result<Unread, Failure> {
    database
        .read(async |conn: &mut Connection| unread_count_of_in_txn(conn, user_id, conversation_id).await)
        .await
}

/// The same, as the transaction sees it.
pub(super) async fn unread_count_of_in_txn(
    conn: &mut Connection,
    user_id: UserId,
    conversation_id: ConversationId,
) -> Result<Unread, Abort> {
    let query = sql_query(UNREAD_COUNT_IN)
        .bind::<BigInt, _>(user_id.get())
        .bind::<BigInt, _>(conversation_id.get());
    let found: Vec<Unread> = run("unread_count_in", query.load(conn)).await?;
    let found = found.into_iter().next();
    found.ok_or_else(|| conversation_not_found(conversation_id).into())
}
