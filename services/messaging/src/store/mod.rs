//! Every statement on schema `messaging`. Functions take keys and parsed values and return rows.
//!
//! Another service's view is read in a `WITH ... AS MATERIALIZED` step of its own and joined with that step's result,
//! so that the same statements run where each schema has a node of its own.
//!
//! What changes here will one day write its event into an outbox, for streams to follow: in the transactions of `sends`,
//! `edits`, `deletions` and `marks`, each of which knows the conversation that it changes.

mod conversations;
mod deletions;
mod edits;
mod marks;
mod messages;
mod mutes;
mod policy;
mod search;
mod sends;
mod settings;
mod unread;

pub(crate) use conversations::{
    ConversationRow, conversation_find, conversation_find_by_peer, conversations_page,
};
pub(crate) use deletions::{Deleted, message_delete, message_hide};
pub(crate) use edits::{EditRow, edits_page, message_edit};
pub(crate) use marks::{all_mark, message_mark};
pub(crate) use messages::{
    MessageRow, message_not_found, messages_backward, messages_find, messages_forward, received_page,
    sent_page,
};
pub(crate) use mutes::{conversation_mute, conversation_unmute};
pub(crate) use search::{conversation_search, messages_search};
pub(crate) use sends::message_send;
pub(crate) use settings::{SettingsRow, settings_find, settings_update};
pub(crate) use unread::{Unread, unread_count, unread_count_in};
