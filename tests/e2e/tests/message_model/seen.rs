//! What a user sees, with places in the model for ids.

use std::collections::BTreeMap;

/// What one user sees of messaging.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) listed: Vec<SeenConversation>,
    pub(super) unread: usize,
    /// `None` of those that are not there for this user.
    pub(super) conversations: BTreeMap<usize, Option<(SeenConversation, Vec<SeenMessage>)>>,
}

#[derive(Debug, PartialEq)]
pub(super) struct SeenConversation {
    pub(super) place: usize,
    pub(super) peer: usize,
    pub(super) last_seq: i64,
    pub(super) read_seq: i64,
    pub(super) unread: usize,
    pub(super) last_message: Option<SeenMessage>,
}

#[derive(Debug, PartialEq)]
pub(super) struct SeenMessage {
    pub(super) place: usize,
    pub(super) seq: i64,
    pub(super) sender: usize,
    pub(super) receiver: usize,
    pub(super) content: String,
    pub(super) is_deleted: bool,
    pub(super) is_edited: bool,
    pub(super) is_read: bool,
}
