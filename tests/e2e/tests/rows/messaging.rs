//! The RPCs of messaging.

use kith_contracts::messaging::v1::*;
use prost::Message;

use super::{NO_CONVERSATION, NO_MESSAGE, NOT_ALLOWED, OK, Row, World, unique};

/// One row for each.
pub(super) const ROWS: &[Row] = &[
    row!(
        "kith.messaging.v1.MessagingService/SendMessage",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SendMessageRequest {
            receiver_id: world.third.id,
            content: "hello".to_owned(),
            request_id: String::new(),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| GetMessageRequest {
            message_id: world.message_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/BatchGetMessages",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| BatchGetMessagesRequest {
            message_ids: vec![world.message_id]
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListMessages",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| ListMessagesRequest {
            conversation_id: world.conversation_id,
            after_seq: Some(0),
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListSentMessages",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListSentMessagesRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListReceivedMessages",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListReceivedMessagesRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/SearchMessages",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| SearchMessagesRequest {
            query: "hello".to_owned(),
            conversation_id: world.conversation_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/EditMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| EditMessageRequest {
            message_id: world.message_id,
            content: unique("hello "),
            etag: String::new(),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListMessageEdits",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| ListMessageEditsRequest {
            message_id: world.message_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/DeleteMessage",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| DeleteMessageRequest {
            message_id: world.message_id,
            scope: DeleteMessageScope::Both.into(),
            allow_missing: false,
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/ListConversations",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListConversationsRequest::default()
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| GetConversationRequest {
            key: Some(get_conversation_request::Key::ConversationId(
                world.conversation_id
            )),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MarkRead",
        NO_MESSAGE,
        OK,
        NOT_ALLOWED,
        |world: &World| MarkReadRequest {
            message_id: world.message_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MarkAllRead",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| MarkAllReadRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetUnreadCount",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| GetUnreadCountRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/MuteConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| MuteConversationRequest {
            conversation_id: world.conversation_id,
            ttl: Some(prost_types::Duration {
                seconds: 60,
                nanos: 0
            }),
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/UnmuteConversation",
        NO_CONVERSATION,
        OK,
        NOT_ALLOWED,
        |world: &World| UnmuteConversationRequest {
            conversation_id: world.conversation_id
        }
    ),
    row!(
        "kith.messaging.v1.MessagingService/GetMessagingSettings",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| GetMessagingSettingsRequest {}
    ),
    row!(
        "kith.messaging.v1.MessagingService/UpdateMessagingSettings",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| UpdateMessagingSettingsRequest {
            accepted_senders: Some(AcceptedSenders::Everyone.into()),
            update_mask: Some(prost_types::FieldMask {
                paths: vec!["accepted_senders".to_owned()]
            }),
            etag: String::new(),
        }
    ),
];
