//! One file per RPC, named as in `src/rpc`, and one for the settings.

mod batch_get_messages;
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
mod settings;
mod support;
mod unmute_conversation;
mod update_messaging_settings;

#[test]
fn each_rpc_has_its_tests() {
    kith_testkit::assert_each_rpc_has_its_tests(&["settings", "support"]);
}
