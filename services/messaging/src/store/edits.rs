use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run, sql_query};
use kith_primitives::{Etag, Failure, MessageId, Page, Reason, UserId};
use kith_rules::messaging::MESSAGE;

use super::conversations::MaybeMessageRow;
use super::messages::{MessageRow, is_reader, message_columns, message_find_in, message_not_found, visible};
use super::policy::{between, blocks_between, refused_between};
use crate::domain::{Content, Refusal, SeqCursor};

/// What a message said before.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct EditRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) message_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) version: i64,
    #[diesel(sql_type = Text)]
    pub(crate) content: String,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) started_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) ended_at: DateTime<Utc>,
}

/// Whoever changes a message has this lock first, and decides by what it reads with it.
const MESSAGE_LOCK: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messaging.messages JOIN messaging.members AS reader ON ",
    is_reader!(),
    " WHERE messages.id = $2 AND $1 IN (messages.sender_id, messages.receiver_id) AND ",
    visible!(),
    " FOR NO KEY UPDATE OF messages"
);

/// Times move forward, however late an edit that began early gets the lock.
const MESSAGE_EDIT: &str = concat!(
    "WITH ",
    between!(),
    ", decision AS MATERIALIZED (
        SELECT CASE ",
    refused_between!(),
    "   END AS refusal
    ), old AS MATERIALIZED (
        SELECT messages.id, version, content, coalesce(edited_at, created_at) AS started_at
        FROM messaging.messages, decision WHERE messages.id = $3 AND refusal IS NULL
    ), kept AS (
        INSERT INTO messaging.message_edits (message_id, version, content, started_at, ended_at)
        SELECT id, version, content, started_at, greatest(started_at, now()) FROM old
    ), messages AS (
        UPDATE messaging.messages AS changed
        SET content = $4, version = changed.version + 1, edited_at = greatest(old.started_at, now())
        FROM old WHERE changed.id = old.id
        RETURNING changed.*
    )
    SELECT refusal, message.* FROM decision LEFT JOIN (
        SELECT ",
    message_columns!(),
    "   FROM messages JOIN messaging.members AS reader ON ",
    is_reader!(),
    ") AS message ON true"
);

const EDITS_PAGE: &str = "
SELECT message_id, version, content, started_at, ended_at FROM messaging.message_edits
WHERE message_id = $1 AND version < $2
ORDER BY version DESC
LIMIT $3
";

#[derive(QueryableByName)]
struct EditedRow {
    #[diesel(sql_type = Nullable<Text>)]
    refusal: Option<String>,
    #[diesel(embed)]
    message: MaybeMessageRow,
}

/// Changes what a message of `user_id`'s says, and keeps what it said.
pub(crate) async fn message_edit(
    database: &Database,
    user_id: UserId,
    id: MessageId,
    content: &Content,
    etag: Option<Etag>,
) -> Result<MessageRow, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let message = message_lock_in_txn(conn, user_id, id).await?;
            let message = message.ok_or_else(|| message_not_found(id))?;
            if message.sender_id != user_id.get() {
                return Err(not_sender(id).into());
            }
            if message.content.is_none() {
                return Err(message_deleted(id).into());
            }
            if etag.is_some_and(|etag| etag.version() != message.version) {
                return Err(Etag::mismatch().into());
            }
            if message.content.as_deref() == Some(content.as_str()) {
                return Ok(message);
            }
            message_edit_in_txn(conn, user_id, &message, content).await
        })
        .await
}

/// Locks a message that `user_id` can see.
pub(super) async fn message_lock_in_txn(
    conn: &mut Connection,
    user_id: UserId,
    id: MessageId,
) -> Result<Option<MessageRow>, Abort> {
    let lock = sql_query(MESSAGE_LOCK)
        .bind::<BigInt, _>(user_id.get())
        .bind::<BigInt, _>(id.get());
    Ok(run("message_lock", lock.get_result(conn)).await.optional()?)
}

async fn message_edit_in_txn(
    conn: &mut Connection,
    user_id: UserId,
    message: &MessageRow,
    content: &Content,
) -> Result<MessageRow, Abort> {
    let edit = sql_query(MESSAGE_EDIT)
        .bind::<BigInt, _>(user_id.get())
        .bind::<BigInt, _>(message.receiver_id)
        .bind::<BigInt, _>(message.id)
        .bind::<Text, _>(content.as_str());
    let edited: EditedRow = run("message_edit", edit.get_result(conn)).await?;
    if let Some(refusal) = edited.refusal {
        let refusal = Refusal::from_database(&refusal);
        let refusal = refusal.ok_or_else(|| Failure::internal("a refusal that nobody knows"))?;
        let receiver_id = UserId::from_database(message.receiver_id);
        return Err(refusal.failure(user_id, receiver_id).into());
    }
    let edited = edited.message.into_row();
    edited.ok_or_else(|| Failure::internal("a message is gone under its lock").into())
}

/// What a message that `user_id` can see said before, newest first.
pub(crate) async fn edits_page(
    database: &Database,
    user_id: UserId,
    id: MessageId,
    page: &Page<SeqCursor>,
) -> Result<(Vec<EditRow>, String), Failure> {
    let before = page.after().map_or(i64::MAX, |cursor| cursor.0);
    let mut rows: Vec<EditRow> = database
        .read(async |conn: &mut Connection| {
            // Who can see a message once may see what it said until then, whatever becomes of it in this moment.
            if message_find_in(conn, user_id, id).await?.is_none() {
                return Err(message_not_found(id).into());
            }
            let query = sql_query(EDITS_PAGE)
                .bind::<BigInt, _>(id.get())
                .bind::<BigInt, _>(before)
                .bind::<BigInt, _>(page.limit());
            Ok(run("message_edits_page", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| SeqCursor(row.version));
    Ok((rows, next))
}

/// The failure of the receiver who wants what is the sender's to do.
pub(super) fn not_sender(id: MessageId) -> Failure {
    Failure::new(Reason::NotOwner, "this is for the sender of the message to do")
        .with_resource(MESSAGE, format!("messages/{id}"))
}

fn message_deleted(id: MessageId) -> Failure {
    Failure::new(Reason::MessageDeleted, "the message has been deleted")
        .with_resource(MESSAGE, format!("messages/{id}"))
}
