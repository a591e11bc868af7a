use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Bytea, Nullable, Text, Uuid};
use diesel_async::RunQueryDsl;
use kith_postgres::{Abort, Connection, Database, OptionalRow, run, sql_query};
use kith_primitives::{ConversationId, Failure, MessageId, ReplayKey};

use super::conversations::MaybeMessageRow;
use super::messages::{MessageRow, message_find_in};
use super::policy::{between, blocks_between, refused_between};
use super::unread::{Unread, count_unread, counted, unread_count_of_in_txn};
use crate::domain::{Outgoing, Refusal};

/// What became of a wish to send.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) message: MessageRow,
    /// Whether an earlier request has sent it.
    pub(crate) replayed: bool,
    /// What the sender has unread in the conversation.
    pub(crate) unread: Unread,
}

/// Whoever sends holds this lock until its message is there for all to see, so that messages become visible in the order
/// of their numbers.
const CONVERSATION_LOCK: &str = "
SELECT id FROM messaging.conversations WHERE low_user_id = $1 AND high_user_id = $2 FOR NO KEY UPDATE
";

/// Makes nothing where a user is missing, so that the sender can still be told of what it has sent.
const CONVERSATION_CREATE: &str = "
WITH accounts AS MATERIALIZED (
    SELECT id FROM identity.accounts WHERE id IN ($1, $2)
), made AS (
    INSERT INTO messaging.conversations (low_user_id, high_user_id)
    SELECT $1, $2 FROM (SELECT count(*) AS users FROM accounts) AS found WHERE users = 2
    ON CONFLICT ON CONSTRAINT messaging_conversations_pair_key DO NOTHING
    RETURNING id, low_user_id, high_user_id
)
INSERT INTO messaging.members (conversation_id, user_id, peer_id)
SELECT id, low_user_id, high_user_id FROM made
UNION ALL
SELECT id, high_user_id, low_user_id FROM made
";

const REQUEST_FIND: &str = "
SELECT fingerprint, message_id FROM messaging.requests WHERE user_id = $1 AND request_id = $2
";

/// Decides, and sends if it may. `is_taken`: another message has been sent with the same request_id meanwhile.
/// A setting that only a later version knows lets in nobody else than the narrowest does.
const MESSAGE_CREATE: &str = concat!(
    "WITH ",
    between!(),
    ", follows AS MATERIALIZED (
        SELECT follower_id FROM social_graph.follow_edges WHERE follower_id = $1 AND followed_id = $2
    ), friends AS MATERIALIZED (
        SELECT friend_id FROM social_graph.friend_edges WHERE user_id = $2 AND friend_id = $1
    ), decision AS MATERIALIZED (
        SELECT CASE ",
    refused_between!(),
    "   ELSE CASE coalesce((SELECT accepted_senders FROM messaging.settings WHERE user_id = $2), 'everyone')
                WHEN 'everyone' THEN NULL
                WHEN 'followers' THEN
                    CASE WHEN NOT EXISTS (SELECT FROM follows) AND NOT EXISTS (SELECT FROM friends) THEN 'not_allowed' END
                ELSE CASE WHEN NOT EXISTS (SELECT FROM friends) THEN 'not_allowed' END
            END
        END AS refusal
    ), numbered AS (
        UPDATE messaging.conversations AS conversation
        SET last_seq = conversation.last_seq + 1, active_at = greatest(conversation.active_at, now())
        FROM decision WHERE conversation.id = $3 AND refusal IS NULL
        RETURNING conversation.id, last_seq
    ), message AS (
        INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
        SELECT id, last_seq, $1, $2, $4 FROM numbered
        RETURNING id, conversation_id, seq, sender_id, receiver_id, content, created_at, edited_at, deleted_at, version
    ), received AS (
        UPDATE messaging.members AS member SET received_seq = message.seq FROM message
        WHERE member.conversation_id = message.conversation_id AND user_id = $2 AND peer_id = $1
    ), request AS (
        INSERT INTO messaging.requests (user_id, request_id, fingerprint, message_id)
        SELECT $1, $5, $6, id FROM message WHERE $5 IS NOT NULL
        ON CONFLICT ON CONSTRAINT messaging_requests_pkey DO NOTHING
        RETURNING request_id
    )
    SELECT
        refusal, message.*, CASE WHEN message.id IS NOT NULL THEN false END AS is_read,
        $5 IS NOT NULL AND NOT EXISTS (SELECT FROM request) AS is_taken,
        coalesce((",
    count_unread!("$1", "own.conversation_id", "own.read_seq"),
    "), 0) AS unread
    FROM decision
    LEFT JOIN message ON true
    LEFT JOIN messaging.members AS own ON own.conversation_id = $3 AND own.user_id = $1 AND own.peer_id = $2"
);

#[derive(QueryableByName)]
struct Locked {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct RequestRow {
    #[diesel(sql_type = Bytea)]
    fingerprint: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    message_id: i64,
}

#[derive(QueryableByName)]
struct CreatedRow {
    #[diesel(sql_type = Nullable<Text>)]
    refusal: Option<String>,
    #[diesel(embed)]
    message: MaybeMessageRow,
    #[diesel(sql_type = Bool)]
    is_taken: bool,
    #[diesel(embed)]
    unread: Unread,
}

/// Sends a message, or answers what the same request has sent before.
pub(crate) async fn message_send(database: &Database, outgoing: &Outgoing) -> Result<Sent, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let conversation_id = conversation_lock_in_txn(conn, outgoing).await?;
            // In a statement after the lock's, whose snapshot has what came while it waited.
            if let Some(key) = &outgoing.replay
                && let Some(sent) = replay_in_txn(conn, outgoing, key).await?
            {
                return Ok(sent);
            }
            message_create_in_txn(conn, outgoing, conversation_id).await
        })
        .await
}

/// Locks the conversation of the two, which is made if need be. `None` when one of them is no user.
async fn conversation_lock_in_txn(conn: &mut Connection, outgoing: &Outgoing) -> Result<Option<i64>, Abort> {
    if let Some(id) = conversation_find_locked_in_txn(conn, outgoing).await? {
        return Ok(Some(id));
    }
    let (low, high) = outgoing.low_and_high();
    let create = sql_query(CONVERSATION_CREATE)
        .bind::<BigInt, _>(low)
        .bind::<BigInt, _>(high);
    run("conversation_create", create.execute(conn)).await?;
    // If somebody else has made it just now, it is there by now, in a snapshot of its own.
    conversation_find_locked_in_txn(conn, outgoing).await
}

async fn conversation_find_locked_in_txn(
    conn: &mut Connection,
    outgoing: &Outgoing,
) -> Result<Option<i64>, Abort> {
    let (low, high) = outgoing.low_and_high();
    let lock = sql_query(CONVERSATION_LOCK)
        .bind::<BigInt, _>(low)
        .bind::<BigInt, _>(high);
    let locked: Option<Locked> = run("conversation_lock", lock.get_result(conn)).await.optional()?;
    Ok(locked.map(|row| row.id))
}

/// What the same request has sent before, as it is now.
async fn replay_in_txn(
    conn: &mut Connection,
    outgoing: &Outgoing,
    key: &ReplayKey,
) -> Result<Option<Sent>, Abort> {
    let find = sql_query(REQUEST_FIND)
        .bind::<BigInt, _>(outgoing.sender_id.get())
        .bind::<Uuid, _>(key.id());
    let found: Option<RequestRow> = run("request_find", find.get_result(conn)).await.optional()?;
    let Some(request) = found else { return Ok(None) };
    key.check(&request.fingerprint)?;
    let id = MessageId::from_database(request.message_id);
    let message = message_find_in(conn, outgoing.sender_id, id).await?;
    let message = message
        .filter(|message| message.content.is_some())
        .ok_or_else(ReplayKey::deleted)?;
    let conversation_id = ConversationId::from_database(message.conversation_id);
    Ok(Some(Sent {
        message,
        replayed: true,
        unread: unread_count_of_in_txn(conn, outgoing.sender_id, conversation_id).await?,
    }))
}

async fn message_create_in_txn(
    conn: &mut Connection,
    outgoing: &Outgoing,
    conversation_id: Option<i64>,
) -> Result<Sent, Abort> {
    let (sender_id, receiver_id) = (outgoing.sender_id, outgoing.receiver_id);
    let replay = outgoing.replay.as_ref();
    let create = sql_query(MESSAGE_CREATE)
        .bind::<BigInt, _>(sender_id.get())
        .bind::<BigInt, _>(receiver_id.get())
        .bind::<Nullable<BigInt>, _>(conversation_id)
        .bind::<Text, _>(outgoing.content.as_str())
        .bind::<Nullable<Uuid>, _>(replay.map(ReplayKey::id))
        .bind::<Nullable<Bytea>, _>(replay.map(ReplayKey::fingerprint));
    let created: CreatedRow = run("message_create", create.get_result(conn)).await?;
    if let Some(refusal) = created.refusal {
        let refusal = Refusal::from_database(&refusal);
        let refusal = refusal.ok_or_else(|| Failure::internal("a refusal that nobody knows"))?;
        return Err(refusal.failure(sender_id, receiver_id).into());
    }
    // A user who was missing a moment ago, and whose conversation could not be made, is still as good as missing.
    let message = created.message.into_row();
    let message = message.ok_or_else(|| Refusal::PeerMissing.failure(sender_id, receiver_id))?;
    if created.is_taken {
        // Two requests with one id came at once, to different users: to the same one, the second would have found the first.
        return Err(ReplayKey::reused().into());
    }
    Ok(Sent {
        message,
        replayed: false,
        unread: created.unread,
    })
}
