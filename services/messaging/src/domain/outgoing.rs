use kith_primitives::{Fingerprint, Invalid, ReplayKey, UserId};
use kith_rules::messaging::CONVERSATIONS_NOT_WITH_ONESELF;

use super::Content;

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) sender_id: UserId,
    pub(crate) receiver_id: UserId,
    pub(crate) content: Content,
    /// `None` when it must not be sent again.
    pub(crate) replay: Option<ReplayKey>,
}

impl Outgoing {
    /// Nobody writes to itself.
    pub(crate) fn check_receiver(sender_id: UserId, receiver_id: UserId) -> Result<UserId, Invalid> {
        if sender_id == receiver_id {
            return Err(CONVERSATIONS_NOT_WITH_ONESELF.invalid());
        }
        Ok(receiver_id)
    }

    /// What a request to send it asks for.
    pub(crate) fn fingerprint(receiver_id: UserId, content: &Content) -> Fingerprint {
        Fingerprint::new("SendMessage")
            .number(receiver_id.get())
            .text(content.as_str())
    }

    /// The two in the order of their ids, as conversations have them.
    pub(crate) fn low_and_high(&self) -> (i64, i64) {
        let (sender_id, receiver_id) = (self.sender_id.get(), self.receiver_id.get());
        (sender_id.min(receiver_id), sender_id.max(receiver_id))
    }
}
