//! One file per RPC. This one is the table of contents: it only delegates.

mod batch_get_messages;
mod convert;
mod delete_message;
mod edit_message;
mod get_conversation;
mod get_message;
mod get_messaging_settings;
mod get_unread_count;
mod list_conversations;
mod list_message_edits;
mod list_messages;
mod list_received_messages;
mod list_sent_messages;
mod mark_all_read;
mod mark_read;
mod mute_conversation;
mod search_messages;
mod send_message;
mod unmute_conversation;
mod update_messaging_settings;

use kith_contracts::messaging::v1::messaging_service_server::MessagingService;
use kith_contracts::messaging::v1::*;
use kith_rpc::unary;
use tonic::{Request, Response, Status, async_trait};

use crate::App;

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl MessagingService for App {
    async fn send_message(&self, request: Request<SendMessageRequest>) -> Answer<SendMessageResponse> {
        unary(request, |caller, message| {
            send_message::call(self, caller, message)
        })
        .await
    }

    async fn get_message(&self, request: Request<GetMessageRequest>) -> Answer<GetMessageResponse> {
        unary(request, |caller, message| {
            get_message::call(self, caller, message)
        })
        .await
    }

    async fn batch_get_messages(
        &self,
        request: Request<BatchGetMessagesRequest>,
    ) -> Answer<BatchGetMessagesResponse> {
        unary(request, |caller, message| {
            batch_get_messages::call(self, caller, message)
        })
        .await
    }

    async fn list_messages(&self, request: Request<ListMessagesRequest>) -> Answer<ListMessagesResponse> {
        unary(request, |caller, message| {
            list_messages::call(self, caller, message)
        })
        .await
    }

    async fn list_sent_messages(
        &self,
        request: Request<ListSentMessagesRequest>,
    ) -> Answer<ListSentMessagesResponse> {
        unary(request, |caller, message| {
            list_sent_messages::call(self, caller, message)
        })
        .await
    }

    async fn list_received_messages(
        &self,
        request: Request<ListReceivedMessagesRequest>,
    ) -> Answer<ListReceivedMessagesResponse> {
        unary(request, |caller, message| {
            list_received_messages::call(self, caller, message)
        })
        .await
    }

    async fn search_messages(
        &self,
        request: Request<SearchMessagesRequest>,
    ) -> Answer<SearchMessagesResponse> {
        unary(request, |caller, message| {
            search_messages::call(self, caller, message)
        })
        .await
    }

    async fn edit_message(&self, request: Request<EditMessageRequest>) -> Answer<EditMessageResponse> {
        unary(request, |caller, message| {
            edit_message::call(self, caller, message)
        })
        .await
    }

    async fn list_message_edits(
        &self,
        request: Request<ListMessageEditsRequest>,
    ) -> Answer<ListMessageEditsResponse> {
        unary(request, |caller, message| {
            list_message_edits::call(self, caller, message)
        })
        .await
    }

    async fn delete_message(&self, request: Request<DeleteMessageRequest>) -> Answer<DeleteMessageResponse> {
        unary(request, |caller, message| {
            delete_message::call(self, caller, message)
        })
        .await
    }

    async fn list_conversations(
        &self,
        request: Request<ListConversationsRequest>,
    ) -> Answer<ListConversationsResponse> {
        unary(request, |caller, message| {
            list_conversations::call(self, caller, message)
        })
        .await
    }

    async fn get_conversation(
        &self,
        request: Request<GetConversationRequest>,
    ) -> Answer<GetConversationResponse> {
        unary(request, |caller, message| {
            get_conversation::call(self, caller, message)
        })
        .await
    }

    async fn mark_read(&self, request: Request<MarkReadRequest>) -> Answer<MarkReadResponse> {
        unary(request, |caller, message| mark_read::call(self, caller, message)).await
    }

    async fn mark_all_read(&self, request: Request<MarkAllReadRequest>) -> Answer<MarkAllReadResponse> {
        unary(request, |caller, message| {
            mark_all_read::call(self, caller, message)
        })
        .await
    }

    async fn get_unread_count(
        &self,
        request: Request<GetUnreadCountRequest>,
    ) -> Answer<GetUnreadCountResponse> {
        unary(request, |caller, message| {
            get_unread_count::call(self, caller, message)
        })
        .await
    }

    async fn mute_conversation(
        &self,
        request: Request<MuteConversationRequest>,
    ) -> Answer<MuteConversationResponse> {
        unary(request, |caller, message| {
            mute_conversation::call(self, caller, message)
        })
        .await
    }

    async fn unmute_conversation(
        &self,
        request: Request<UnmuteConversationRequest>,
    ) -> Answer<UnmuteConversationResponse> {
        unary(request, |caller, message| {
            unmute_conversation::call(self, caller, message)
        })
        .await
    }

    async fn get_messaging_settings(
        &self,
        request: Request<GetMessagingSettingsRequest>,
    ) -> Answer<GetMessagingSettingsResponse> {
        unary(request, |caller, message| {
            get_messaging_settings::call(self, caller, message)
        })
        .await
    }

    async fn update_messaging_settings(
        &self,
        request: Request<UpdateMessagingSettingsRequest>,
    ) -> Answer<UpdateMessagingSettingsResponse> {
        unary(request, |caller, message| {
            update_messaging_settings::call(self, caller, message)
        })
        .await
    }
}
