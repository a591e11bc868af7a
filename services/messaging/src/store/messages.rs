use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{ConversationId, Failure, MessageId, Page, Reason, UserId};
use kith_rules::messaging::MESSAGE;

use super::conversations::{conversation_not_found, member_exists_in};
use crate::domain::SeqCursor;

/// A message, as one of the two sees it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct MessageRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) conversation_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) seq: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) sender_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) receiver_id: i64,
    /// `None` when it has been deleted.
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) content: Option<String>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) edited_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) deleted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    pub(crate) version: i64,
    #[diesel(sql_type = Bool)]
    pub(crate) is_read: bool,
}

/// Whether the user `$1`, who is one of the two, has not deleted the message for itself.
macro_rules! visible {
    () => {
        "CASE messages.sender_id
            WHEN $1 THEN NOT messages.hidden_from_sender
            ELSE NOT messages.hidden_from_receiver
        END"
    };
}

/// The columns of a [`MessageRow`] as the user `$1` sees it, where `reader` is the receiver's row of `members`.
macro_rules! message_columns {
    () => {
        "messages.id, messages.conversation_id, messages.seq, messages.sender_id, messages.receiver_id,
        messages.content, messages.created_at, messages.edited_at, messages.deleted_at, messages.version,
        messages.seq <= CASE messages.receiver_id WHEN $1 THEN reader.read_seq ELSE reader.receipt_seq END AS is_read"
    };
}

/// The condition that joins [`message_columns`]' `reader`.
macro_rules! is_reader {
    () => {
        "reader.conversation_id = messages.conversation_id AND reader.user_id = messages.receiver_id
            AND reader.peer_id = messages.sender_id"
    };
}

/// The rows of a step `page` as the user `$1` sees them.
macro_rules! shown {
    ($page:expr) => {
        concat!(
            "WITH page AS MATERIALIZED (",
            $page,
            ") SELECT ",
            message_columns!(),
            " FROM page AS messages JOIN messaging.members AS reader ON ",
            is_reader!(),
        )
    };
}

pub(super) use {is_reader, message_columns, visible};

/// Whether a row is the user's stands in the row, so that others' messages are read and left out.
const MESSAGES_FIND: &str = shown!(concat!(
    "SELECT * FROM messaging.messages WHERE id = ANY ($2) AND $1 IN (sender_id, receiver_id) AND ",
    visible!()
));

/// A page of conversation `$2`, of which nothing is read when `$1` is no member.
macro_rules! in_conversation {
    ($condition:literal, $order:literal) => {
        concat!(
            shown!(concat!(
                "SELECT messages.* FROM (
                    SELECT FROM messaging.members WHERE conversation_id = $2 AND user_id = $1 LIMIT 1
                ) AS own CROSS JOIN LATERAL (
                    SELECT * FROM messaging.messages WHERE conversation_id = $2 AND ",
                $condition,
                " AND ",
                visible!(),
                " ORDER BY seq ",
                $order,
                " LIMIT $4
                ) AS messages"
            )),
            " ORDER BY seq ",
            $order
        )
    };
}

const MESSAGES_BACKWARD: &str = in_conversation!("seq < $3", "DESC");

const MESSAGES_FORWARD: &str = in_conversation!("seq > $3", "ASC");

const SENT_PAGE: &str = concat!(
    shown!(
        "SELECT * FROM messaging.messages
        WHERE sender_id = $1 AND NOT hidden_from_sender AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC
        LIMIT $4"
    ),
    " ORDER BY created_at DESC, id DESC"
);

const RECEIVED_PAGE: &str = concat!(
    shown!(
        "SELECT * FROM messaging.messages
        WHERE receiver_id = $1 AND NOT hidden_from_receiver AND (created_at, id) < ($2, $3)
        ORDER BY created_at DESC, id DESC
        LIMIT $4"
    ),
    " ORDER BY created_at DESC, id DESC"
);

/// Those of `ids` that `user_id` can see, in any order.
pub(crate) async fn messages_find(
    database: &Database,
    user_id: UserId,
    ids: &[MessageId],
) -> Result<Vec<MessageRow>, Failure> {
    database
        .read(async |conn: &mut Connection| messages_find_in(conn, user_id, ids).await)
        .await
}

/// The same, as the transaction sees it.
pub(super) async fn messages_find_in(
    conn: &mut Connection,
    user_id: UserId,
    ids: &[MessageId],
) -> Result<Vec<MessageRow>, Abort> {
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let query = sql_query(MESSAGES_FIND)
        .bind::<BigInt, _>(user_id.get())
        .bind::<Array<BigInt>, _>(ids);
    Ok(run("messages_find", query.load(conn)).await?)
}

/// The message, if `user_id` can see it, as the transaction sees it.
pub(super) async fn message_find_in(
    conn: &mut Connection,
    user_id: UserId,
    id: MessageId,
) -> Result<Option<MessageRow>, Abort> {
    Ok(messages_find_in(conn, user_id, &[id]).await?.into_iter().next())
}

/// The messages of a conversation of `user_id`'s, newest first.
pub(crate) async fn messages_backward(
    database: &Database,
    user_id: UserId,
    conversation_id: ConversationId,
    page: &Page<SeqCursor>,
) -> Result<(Vec<MessageRow>, String), Failure> {
    let before = page.after().map_or(i64::MAX, |cursor| cursor.0);
    let mut rows = messages_page(
        database,
        ("messages_backward", MESSAGES_BACKWARD),
        user_id,
        conversation_id,
        before,
        page.limit(),
    )
    .await?;
    let next = page.finish(&mut rows, |row| SeqCursor(row.seq));
    Ok((rows, next))
}

/// The messages of a conversation of `user_id`'s after `seq`, in their order.
pub(crate) async fn messages_forward(
    database: &Database,
    user_id: UserId,
    conversation_id: ConversationId,
    seq: i64,
    page: &Page<SeqCursor>,
) -> Result<(Vec<MessageRow>, String), Failure> {
    let after = page.after().map_or(seq, |cursor| cursor.0);
    let mut rows = messages_page(
        database,
        ("messages_forward", MESSAGES_FORWARD),
        user_id,
        conversation_id,
        after,
        page.limit(),
    )
    .await?;
    let next = page.finish(&mut rows, |row| SeqCursor(row.seq));
    Ok((rows, next))
}

async fn messages_page(
    database: &Database,
    (name, sql): (&'static str, &'static str),
    user_id: UserId,
    conversation_id: ConversationId,
    seq: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(conversation_id.get())
                .bind::<BigInt, _>(seq)
                .bind::<BigInt, _>(limit);
            let rows: Vec<MessageRow> = run(name, query.load(conn)).await?;
            if rows.is_empty() && !member_exists_in(conn, user_id, conversation_id).await? {
                return Err(conversation_not_found(conversation_id).into());
            }
            Ok(rows)
        })
        .await
}

/// What `user_id` has sent, newest first.
pub(crate) async fn sent_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<MessageRow>, String), Failure> {
    page_by_time(database, ("sent_messages_page", SENT_PAGE), user_id, page).await
}

/// What was sent to `user_id`, newest first.
pub(crate) async fn received_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<MessageRow>, String), Failure> {
    page_by_time(database, ("received_messages_page", RECEIVED_PAGE), user_id, page).await
}

async fn page_by_time(
    database: &Database,
    (name, sql): (&'static str, &'static str),
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<MessageRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<MessageRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run(name, query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.created_at, row.id));
    Ok((rows, next))
}

/// The failure of a call that names a message which is not there, is between others, or is hidden from the caller.
pub(crate) fn message_not_found(id: MessageId) -> Failure {
    Failure::new(Reason::MessageNotFound, "there is no such message")
        .with_resource(MESSAGE, format!("messages/{id}"))
}
