use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt};
use diesel_async::RunQueryDsl;
use kith_postgres::{Connection, Database, run, sql_query};
use kith_primitives::{ConversationId, Failure, MessageId, Reason, UserId};

use super::messages::{MessageRow, message_not_found, messages_find};
use super::policy::blocks_between;
use super::unread::{Unread, unread_count, unread_count_in};

/// What is read of a conversation, after a mark.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marked {
    pub(crate) conversation_id: i64,
    pub(crate) read_seq: i64,
    pub(crate) unread: Unread,
}

/// Both pointers only ever move forward. What the peer may know of moves with the other, but not while a block stands.
const MEMBER_MARK: &str = concat!(
    "WITH ",
    blocks_between!(),
    "UPDATE messaging.members
    SET
        read_seq = greatest(read_seq, $4),
        receipt_seq = CASE WHEN EXISTS (SELECT FROM blocks) THEN receipt_seq ELSE greatest(receipt_seq, $4) END
    WHERE conversation_id = $3 AND user_id = $1 AND peer_id = $2
    RETURNING read_seq"
);

/// How many conversations are marked in one transaction: so long do senders to the same user wait, and no call with very many
/// conversations runs into its deadline before it has marked any.
const PORTION: i64 = 1000;

/// In the order of conversations, in which all who lock several rows of members do so, deletions of users too.
const MEMBERS_LOCK_UNREAD: &str = "
SELECT conversation_id, peer_id FROM messaging.members
WHERE user_id = $1 AND received_seq > read_seq AND conversation_id BETWEEN $2 AND $3
ORDER BY conversation_id
LIMIT $4
FOR NO KEY UPDATE
";

/// Peers behind a block are hashed: to look at all of them for each row took nine seconds, half of 10,000 being behind one.
const MEMBERS_MARK: &str = "
WITH blocks AS MATERIALIZED (
    SELECT peer.id AS peer_id FROM unnest($3::bigint[]) AS peer (id) CROSS JOIN LATERAL (
        SELECT FROM social_graph.block_edges WHERE blocker_id = $1 AND blocked_id = peer.id
        UNION ALL
        SELECT FROM social_graph.block_edges WHERE blocker_id = peer.id AND blocked_id = $1
        LIMIT 1
    ) AS block
)
UPDATE messaging.members AS member
SET
    read_seq = greatest(read_seq, received_seq),
    receipt_seq = CASE
        WHEN member.peer_id IN (SELECT peer_id FROM blocks) THEN receipt_seq
        ELSE greatest(receipt_seq, received_seq)
    END
FROM unnest($2, $3) AS wanted (conversation_id, peer_id)
WHERE member.conversation_id = wanted.conversation_id AND user_id = $1 AND member.peer_id = wanted.peer_id
";

#[derive(QueryableByName)]
struct ReadRow {
    #[diesel(sql_type = BigInt)]
    read_seq: i64,
}

#[derive(QueryableByName)]
struct SideRow {
    #[diesel(sql_type = BigInt)]
    conversation_id: i64,
    #[diesel(sql_type = BigInt)]
    peer_id: i64,
}

/// Marks a message that `user_id` can see, and all before it, as read.
pub(crate) async fn message_mark(
    database: &Database,
    user_id: UserId,
    id: MessageId,
) -> Result<Marked, Failure> {
    // Where a message stands, and between whom, never changes, so that it can be read before.
    let message = messages_find(database, user_id, &[id]).await?.into_iter().next();
    let message = message.ok_or_else(|| message_not_found(id))?;
    let read_seq = member_mark(database, user_id, &message).await?;
    let read_seq = read_seq.ok_or_else(|| message_not_found(id))?;
    // After the mark, whose own snapshot lacks what came in while it waited for a sender.
    let conversation_id = ConversationId::from_database(message.conversation_id);
    let unread = unread_count_in(database, user_id, conversation_id).await;
    // It may have gone since, with one of the two.
    let unread = unread.map_err(|failure| match failure.reason() {
        Reason::ConversationNotFound => message_not_found(id),
        _ => failure,
    })?;
    Ok(Marked {
        conversation_id: message.conversation_id,
        read_seq,
        unread,
    })
}

/// `None` when the conversation has gone with one of the two.
async fn member_mark(
    database: &Database,
    user_id: UserId,
    message: &MessageRow,
) -> Result<Option<i64>, Failure> {
    let is_sender = message.sender_id == user_id.get();
    let peer_id = if is_sender {
        message.receiver_id
    } else {
        message.sender_id
    };
    database
        .write(async |conn: &mut Connection| {
            let mark = sql_query(MEMBER_MARK)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(peer_id)
                .bind::<BigInt, _>(message.conversation_id)
                .bind::<BigInt, _>(message.seq);
            // To the end: `get_result` would leave with the first row, before the commit has gone well.
            let marked: Vec<ReadRow> = run("member_mark", mark.load(conn)).await?;
            Ok(marked.into_iter().next().map(|row| row.read_seq))
        })
        .await
}

/// Marks all that `user_id` has received as read, in one conversation of its own or in all, and answers what is unread then.
///
/// In portions, each of which commits by itself: what is marked stays so, whatever becomes of the rest. A conversation in which
/// something comes in behind the portion that goes on is left as it is, so that this ends.
pub(crate) async fn all_mark(
    database: &Database,
    user_id: UserId,
    conversation_id: Option<ConversationId>,
) -> Result<Unread, Failure> {
    let (mut first, last) = conversation_id.map_or((0, i64::MAX), |id| (id.get(), id.get()));
    while let Some(marked) = portion_mark(database, user_id, first, last).await? {
        first = marked + 1;
    }
    match conversation_id {
        Some(id) => unread_count_in(database, user_id, id).await,
        None => unread_count(database, user_id).await,
    }
}

/// Marks the first conversations from `first` to `last` in which something may be unread. Answers the last of them, or `None` when
/// there are no more.
async fn portion_mark(
    database: &Database,
    user_id: UserId,
    first: i64,
    last: i64,
) -> Result<Option<i64>, Failure> {
    database
        .transaction(async |conn: &mut Connection| {
            let lock = sql_query(MEMBERS_LOCK_UNREAD)
                .bind::<BigInt, _>(user_id.get())
                .bind::<BigInt, _>(first)
                .bind::<BigInt, _>(last)
                .bind::<BigInt, _>(PORTION);
            let sides: Vec<SideRow> = run("members_lock_unread", lock.load(conn)).await?;
            let conversations: Vec<i64> = sides.iter().map(|side| side.conversation_id).collect();
            let Some(marked) = conversations.last().copied() else {
                return Ok(None);
            };
            let is_portion = i64::try_from(sides.len()).is_ok_and(|sides| sides >= PORTION);
            let mark = sql_query(MEMBERS_MARK)
                .bind::<BigInt, _>(user_id.get())
                .bind::<Array<BigInt>, _>(conversations)
                .bind::<Array<BigInt>, _>(sides.iter().map(|side| side.peer_id).collect::<Vec<i64>>());
            run("members_mark", mark.execute(conn)).await?;
            Ok(is_portion.then_some(marked))
        })
        .await
}
