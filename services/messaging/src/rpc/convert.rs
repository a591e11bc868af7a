use kith_contracts::messaging::v1::{
    self as contract, Conversation, ConversationMute, Message, MessageEdit, MessagingSettings, UnreadCount,
};
use kith_primitives::Etag;
use kith_rpc::timestamp;

use crate::domain::AcceptedSenders;
use crate::store::{ConversationRow, EditRow, MessageRow, SettingsRow, Unread};

/// What is told of unread messages, at most.
const UNREAD_MAX: i64 = 1000;

pub(super) fn message(row: MessageRow) -> Message {
    Message {
        id: row.id,
        conversation_id: row.conversation_id,
        seq: row.seq,
        sender_id: row.sender_id,
        receiver_id: row.receiver_id,
        content: row.content.unwrap_or_default(),
        create_time: Some(timestamp(row.created_at)),
        edit_time: row.edited_at.map(timestamp),
        delete_time: row.deleted_at.map(timestamp),
        is_read: row.is_read,
        etag: Etag::of_version(row.version).to_wire(),
    }
}

pub(super) fn messages(rows: Vec<MessageRow>) -> Vec<Message> {
    rows.into_iter().map(message).collect()
}

pub(super) fn edit(row: EditRow) -> MessageEdit {
    MessageEdit {
        message_id: row.message_id,
        content: row.content,
        write_time: Some(timestamp(row.started_at)),
        replace_time: Some(timestamp(row.ended_at)),
    }
}

pub(super) fn unread(unread: Unread) -> UnreadCount {
    let count = unread.unread.min(UNREAD_MAX);
    UnreadCount {
        count: i32::try_from(count).unwrap_or(i32::MAX),
        capped: unread.unread > UNREAD_MAX,
    }
}

pub(super) fn conversation(row: ConversationRow) -> Conversation {
    Conversation {
        id: row.id,
        peer_id: row.peer_id,
        create_time: Some(timestamp(row.began_at)),
        active_time: Some(timestamp(row.active_at)),
        last_seq: row.last_seq,
        last_message: row.last.into_row().map(message),
        unread_count: Some(unread(row.unread)),
        read_seq: row.read_seq,
        mute: row.muted_at.map(|muted_at| ConversationMute {
            create_time: Some(timestamp(muted_at)),
            expire_time: row.mute_expires_at.map(timestamp),
        }),
    }
}

pub(super) fn settings(row: SettingsRow) -> MessagingSettings {
    let accepted_senders = match row.accepted_senders {
        AcceptedSenders::Everyone => contract::AcceptedSenders::Everyone,
        AcceptedSenders::Followers => contract::AcceptedSenders::Followers,
        AcceptedSenders::Friends => contract::AcceptedSenders::Friends,
    };
    MessagingSettings {
        accepted_senders: accepted_senders.into(),
        update_time: row.updated_at.map(timestamp),
        etag: Etag::of_version(row.version).to_wire(),
    }
}
