use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, cursor, page_start, run, sql_query};
use kith_primitives::{ConversationId, Failure, Page, Reason, UserId};
use kith_rules::messaging::CONVERSATION;

use super::messages::{MessageRow, is_reader, message_columns, visible};
use super::unread::{Unread, count_unread, counted};

/// A conversation, as one of the two sees it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct ConversationRow {
    #[diesel(sql_type = BigInt)]
    #[diesel(column_name = "of_conversation_id")]
    pub(crate) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) peer_id: i64,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) began_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) active_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(crate) last_seq: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) read_seq: i64,
    /// `None` when it is not muted, or no more.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) muted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub(crate) mute_expires_at: Option<DateTime<Utc>>,
    #[diesel(embed)]
    pub(crate) unread: Unread,
    #[diesel(embed)]
    pub(crate) last: MaybeMessageRow,
}

/// A [`MessageRow`] that may not be there.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct MaybeMessageRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    conversation_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    sender_id: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    receiver_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    content: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    created_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    edited_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    deleted_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    version: Option<i64>,
    #[diesel(sql_type = Nullable<Bool>)]
    is_read: Option<bool>,
}

impl MaybeMessageRow {
    /// The row, if all of it is there.
    pub(crate) fn into_row(self) -> Option<MessageRow> {
        Some(MessageRow {
            id: self.id?,
            conversation_id: self.conversation_id?,
            seq: self.seq?,
            sender_id: self.sender_id?,
            receiver_id: self.receiver_id?,
            content: self.content,
            created_at: self.created_at?,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            version: self.version?,
            is_read: self.is_read?,
        })
    }
}

/// The rows of a step `page` as the user `$1` sees them. Each part is looked up for each conversation by LIMIT, whatever the
/// planner would rather join.
macro_rules! conversations {
    ($page:expr) => {
        concat!(
            "WITH page AS MATERIALIZED (",
            $page,
            ")
            SELECT
                page.id AS of_conversation_id, page.peer_id, page.created_at AS began_at, page.active_at, page.last_seq,
                own.read_seq,
                CASE WHEN own.mute_expires_at <= now() THEN NULL ELSE own.muted_at END AS muted_at,
                CASE WHEN own.mute_expires_at <= now() THEN NULL ELSE own.mute_expires_at END AS mute_expires_at,
                unread.unread, last.*
            FROM page
            CROSS JOIN LATERAL (
                SELECT read_seq, muted_at, mute_expires_at FROM messaging.members
                WHERE conversation_id = page.id AND user_id = $1 AND peer_id = page.peer_id
                LIMIT 1
            ) AS own
            CROSS JOIN LATERAL (",
            count_unread!("$1", "page.id", "own.read_seq"),
            ") AS unread
            LEFT JOIN LATERAL (
                SELECT ",
            message_columns!(),
            "   FROM (
                    SELECT * FROM messaging.messages WHERE conversation_id = page.id AND ",
            visible!(),
            "       ORDER BY seq DESC LIMIT 1
                ) AS messages
                CROSS JOIN LATERAL (
                    SELECT read_seq, receipt_seq FROM messaging.members AS reader WHERE ",
            is_reader!(),
            "       LIMIT 1
                ) AS reader
            ) AS last ON true
            ORDER BY page.active_at DESC, page.id DESC"
        )
    };
}

/// A user has a side in each conversation, the lower or the higher. Both halves come in the order of their indexes.
const CONVERSATIONS_PAGE: &str = conversations!(
    "(
        SELECT id, high_user_id AS peer_id, created_at, active_at, last_seq FROM messaging.conversations
        WHERE low_user_id = $1 AND (active_at, id) < ($2, $3)
        ORDER BY active_at DESC, id DESC
        LIMIT $4
    ) UNION ALL (
        SELECT id, low_user_id, created_at, active_at, last_seq FROM messaging.conversations
        WHERE high_user_id = $1 AND (active_at, id) < ($2, $3)
        ORDER BY active_at DESC, id DESC
        LIMIT $4
    )
    ORDER BY active_at DESC, id DESC
    LIMIT $4"
);

const CONVERSATION_FIND: &str = conversations!(
    "SELECT id, CASE low_user_id WHEN $1 THEN high_user_id ELSE low_user_id END AS peer_id, created_at, active_at, last_seq
    FROM messaging.conversations WHERE id = $2 AND $1 IN (low_user_id, high_user_id)"
);

const CONVERSATION_FIND_BY_PEER: &str = conversations!(
    "SELECT id, $2 AS peer_id, created_at, active_at, last_seq
    FROM messaging.conversations WHERE low_user_id = least($1, $2) AND high_user_id = greatest($1, $2)"
);

const MEMBER_EXISTS: &str = "
SELECT EXISTS (SELECT FROM messaging.members WHERE conversation_id = $2 AND user_id = $1) AS is_there
";

/// The conversations of `user_id`, latest messages first.
pub(crate) async fn conversations_page(
    database: &Database,
    user_id: UserId,
    page: &Page,
) -> Result<(Vec<ConversationRow>, String), Failure> {
    let (time, key) = page_start(page);
    let mut rows: Vec<ConversationRow> = database
        .read(async |conn: &mut Connection| {
            let query = sql_query(CONVERSATIONS_PAGE)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Timestamptz, _>(time)
                .bind::<BigInt, _>(key)
                .bind::<BigInt, _>(page.limit());
            Ok(run("conversations_page", query.load(conn)).await?)
        })
        .await?;
    let next = page.finish(&mut rows, |row| cursor(row.active_at, row.id));
    Ok((rows, next))
}

/// A conversation of `user_id`'s.
pub(crate) async fn conversation_find(
    database: &Database,
    user_id: UserId,
    id: ConversationId,
) -> Result<ConversationRow, Failure> {
    let found = find(
        database,
        ("conversation_find", CONVERSATION_FIND),
        user_id,
        id.get(),
    )
    .await?;
    found.ok_or_else(|| conversation_not_found(id))
}

/// The conversation of `user_id` and `peer_id`.
pub(crate) async fn conversation_find_by_peer(
    database: &Database,
    user_id: UserId,
    peer_id: UserId,
) -> Result<ConversationRow, Failure> {
    let by_peer = ("conversation_find_by_peer", CONVERSATION_FIND_BY_PEER);
    let found = find(database, by_peer, user_id, peer_id.get()).await?;
    found.ok_or_else(|| not_found(format!("users/{user_id}/conversations/{peer_id}")))
}

async fn find(
    database: &Database,
    (name, sql): (&'static str, &'static str),
    user_id: UserId,
    key: i64,
) -> Result<Option<ConversationRow>, Failure> {
    database
        .read(async |conn: &mut Connection| {
            let query = sql_query(sql)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(key);
            Ok(run(name, query.load(conn)).await?.into_iter().next())
        })
        .await
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    is_there: bool,
}

/// Whether the conversation is one of `user_id`'s.
pub(super) async fn member_exists_in(
    conn: &mut Connection,
    user_id: UserId,
    conversation_id: ConversationId,
) -> Result<bool, Abort> {
    let query = sql_query(MEMBER_EXISTS)
        .bind::<BigInt, _>(user_id.get())
        .bind::<BigInt, _>(conversation_id.get());
    let found: Exists = run("member_exists", query.get_result(conn)).await?;
    Ok(found.is_there)
}

/// The failure of a call that names a conversation which is not there, or is between others.
pub(crate) fn conversation_not_found(id: ConversationId) -> Failure {
    not_found(format!("conversations/{id}"))
}

fn not_found(name: String) -> Failure {
    Failure::new(Reason::ConversationNotFound, "there is no such conversation")
        .with_resource(CONVERSATION, name)
}
