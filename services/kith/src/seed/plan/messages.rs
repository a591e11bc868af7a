//! Who writes what to whom.

use super::{Plan, octaves};
use crate::seed::random::Purpose;
use crate::seed::texts;
use crate::seed::words::messages::CONVERSATIONS;

/// The shortest conversation has one message more.
const FEWEST: usize = 3;
/// The longest has 2^8 + 3.
const OCTAVES: u32 = 8;

/// What two users write to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct PlannedConversation {
    /// The two, as users.
    pub(in crate::seed) members: [usize; 2],
    pub(in crate::seed) messages: Vec<PlannedMessage>,
    /// Whether both have read everything; else the last message is unread, and those before it by the same user.
    pub(in crate::seed) is_read: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct PlannedMessage {
    /// The member who writes it, 0 or 1.
    pub(in crate::seed) by: usize,
    pub(in crate::seed) content: String,
}

impl Plan {
    /// Four conversations for five users.
    pub(in crate::seed) fn conversations_count(&self) -> usize {
        (self.users() * 4 / 5).min(self.users() - 1)
    }

    pub(in crate::seed) fn messages_count(&self, index: usize) -> usize {
        FEWEST + octaves(self.recipe.seed, index, self.conversations_count(), OCTAVES)
    }

    /// A user and one of its friends; no two conversations have the same two.
    pub(in crate::seed) fn members(&self, index: usize) -> [usize; 2] {
        let others = self.users() - 1;
        let first = self.random(Purpose::Conversations, usize::MAX).below(others);
        let user = 1 + (index + first) % others;
        let friend = self
            .random(Purpose::Conversations, index)
            .pick(&self.friends(user));
        [user, friend]
    }

    pub(in crate::seed) fn conversation(&self, index: usize) -> PlannedConversation {
        let mut random = self.random(Purpose::Conversations, index);
        let members = self.members(index);
        let (mut by, count) = (random.below(2), self.messages_count(index));
        // Each conversation begins with lines that few others begin with.
        let lines = CONVERSATIONS.iter().cycle().skip(index % CONVERSATIONS.len());
        let lines = lines.copied().flatten().take(count);
        let messages = lines.enumerate().map(|(place, line)| {
            let (template, goes_on) = match line.strip_prefix('+') {
                Some(template) => (template, true),
                None => (*line, false),
            };
            if !goes_on && place > 0 {
                by = 1 - by;
            }
            let content = texts::fill(template, "", &mut random);
            PlannedMessage { by, content }
        });
        PlannedConversation {
            members,
            messages: messages.collect(),
            is_read: index.is_multiple_of(2),
        }
    }

    pub(in crate::seed) fn message_request_id(&self, conversation: usize, place: usize) -> String {
        // No conversation is that long.
        self.request_id(Purpose::MessageIds, conversation * 1000 + place)
    }
}
