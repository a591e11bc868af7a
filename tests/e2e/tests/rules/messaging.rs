//! The rules of schema `messaging`.

use kith_contracts::messaging::v1::*;

use super::{Break, NOBODY, deed, long, nothing};
use crate::rows::World;

fn insert_message(world: &World, content: &str) -> String {
    let (conversation, owner, third) = (world.conversation_id, world.owner.id, world.third.id);
    format!(
        "INSERT INTO messaging.messages (conversation_id, seq, sender_id, receiver_id, content)
        VALUES ({conversation}, 2, {owner}, {third}, '{content}')"
    )
}

fn insert_conversation(low: i64, high: i64) -> String {
    format!("INSERT INTO messaging.conversations (low_user_id, high_user_id) VALUES ({low}, {high})")
}

fn write(receiver_id: i64, content: &str) -> SendMessageRequest {
    SendMessageRequest {
        receiver_id,
        content: content.to_owned(),
        request_id: String::new(),
    }
}

fn accept(senders: i32) -> UpdateMessagingSettingsRequest {
    UpdateMessagingSettingsRequest {
        accepted_senders: Some(senders),
        ..Default::default()
    }
}

pub(super) fn breaks() -> Vec<Break> {
    const SEND: &str = "SendMessage";
    const SETTINGS: &str = "UpdateMessagingSettings";
    vec![
        // Somebody has joined before the owner, and goes.
        deed(
            "messaging_conversations_low_user_id_fkey",
            SEND,
            Box::new(|world| format!("DELETE FROM identity.users WHERE id = {}", world.owner.id - 1)),
            |world| write(world.owner.id - 1, "hello"),
            |world| insert_conversation(world.owner.id - 1, world.owner.id),
        ),
        deed(
            "messaging_conversations_high_user_id_fkey",
            SEND,
            nothing(),
            |_| write(NOBODY, "hello"),
            |world| insert_conversation(world.owner.id, NOBODY),
        ),
        deed(
            "messaging_conversations_not_with_oneself",
            SEND,
            nothing(),
            |world| write(world.owner.id, "hello"),
            |world| insert_conversation(world.owner.id, world.owner.id),
        ),
        deed(
            "messaging_messages_content_length",
            SEND,
            nothing(),
            |world| write(world.third.id, &long(4001)),
            |world| insert_message(world, &long(4001)),
        ),
        deed(
            "messaging_messages_content_not_blank",
            SEND,
            nothing(),
            |world| write(world.third.id, "\u{2003}\t"),
            |world| insert_message(world, "\u{2003}\t"),
        ),
        deed(
            "messaging_members_mute_expires_later",
            "MuteConversation",
            nothing(),
            |world| MuteConversationRequest {
                conversation_id: world.conversation_id,
                ttl: Some(prost_types::Duration::default()),
            },
            |world| {
                let id = world.conversation_id;
                format!(
                    "UPDATE messaging.members SET muted_at = now(), mute_expires_at = now() WHERE conversation_id = {id}"
                )
            },
        ),
        deed(
            "messaging_settings_user_id_fkey",
            SETTINGS,
            nothing(),
            |_| accept(AcceptedSenders::Friends.into()),
            |_| format!("INSERT INTO messaging.settings (user_id) VALUES ({NOBODY})"),
        ),
        deed(
            "messaging_settings_accepted_senders_known",
            SETTINGS,
            nothing(),
            |_| accept(4711),
            |world| {
                format!(
                    "INSERT INTO messaging.settings VALUES ({}, 'nobody')",
                    world.owner.id
                )
            },
        ),
    ]
}
