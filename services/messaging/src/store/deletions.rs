use diesel::sql_types::{BigInt, Bool};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, run, sql_query};
use kith_primitives::{Failure, MessageId, UserId};

use super::edits::{message_lock_in_txn, not_sender};
use super::messages::{MessageRow, message_find_in};

const MESSAGE_DELETE: &str = "
WITH forgotten AS (
    DELETE FROM messaging.message_edits WHERE message_id = $1
)
UPDATE messaging.messages
SET content = NULL, deleted_at = greatest(coalesce(edited_at, created_at), now()), version = version + 1
WHERE id = $1
";

const MESSAGE_HIDE: &str = "
UPDATE messaging.messages
SET hidden_from_sender = hidden_from_sender OR $2, hidden_from_receiver = hidden_from_receiver OR NOT $2
WHERE id = $1
";

/// What became of a wish to delete a message.
#[derive(Clone, Debug)]
pub(crate) enum Deleted {
    Now(MessageRow),
    /// It had been deleted for both.
    Before(MessageRow),
    /// There is none.
    Missing,
}

/// Takes away what a message of `user_id`'s says, for both, and answers what is left of it.
pub(crate) async fn message_delete(
    database: &Database,
    user_id: UserId,
    id: MessageId,
) -> Result<Deleted, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let Some(message) = message_lock_in_txn(conn, user_id, id).await? else {
                return Ok(Deleted::Missing);
            };
            if message.sender_id != user_id.get() {
                return Err(not_sender(id).into());
            }
            if message.content.is_none() {
                return Ok(Deleted::Before(message));
            }
            let delete = sql_query(MESSAGE_DELETE).bind::<BigInt, _>(id.get());
            run("message_delete", delete.execute(conn)).await?;
            Ok(Deleted::Now(left_in_txn(conn, user_id, id).await?))
        })
        .await
}

async fn left_in_txn(conn: &mut Connection, user_id: UserId, id: MessageId) -> Result<MessageRow, Abort> {
    let left = message_find_in(conn, user_id, id).await?;
    left.ok_or_else(|| Failure::internal("a message is gone under its lock").into())
}

/// Hides a message from `user_id` alone, and answers it as it was.
pub(crate) async fn message_hide(
    database: &Database,
    user_id: UserId,
    id: MessageId,
) -> Result<Deleted, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let Some(message) = message_lock_in_txn(conn, user_id, id).await? else {
                return Ok(Deleted::Missing);
            };
            let hide = sql_query(MESSAGE_HIDE)
                .bind::<BigInt, _>(id.get())
                .bind::<Bool, _>(message.sender_id == user_id.get());
            run("message_hide", hide.execute(conn)).await?;
            Ok(Deleted::Now(message))
        })
        .await
}
