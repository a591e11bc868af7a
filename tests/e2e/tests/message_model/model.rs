//! Messaging as the contract has it, in memory: what comes of each step, and what everybody sees then.

use std::collections::{BTreeMap, BTreeSet};

use kith_contracts::messaging::v1::AcceptedSenders;
use proptest::sample::Index;

use super::seen::{Seen, SeenConversation, SeenMessage};
use super::steps::Step;

struct Message {
    conversation: usize,
    seq: i64,
    sender: usize,
    receiver: usize,
    /// `None` when it has been deleted.
    content: Option<String>,
    is_edited: bool,
    hidden_from: BTreeSet<usize>,
}

struct Conversation {
    both: [usize; 2],
    last_seq: i64,
    /// By person: up to where it has marked, and up to where the other may know of it.
    marked: BTreeMap<usize, i64>,
    told: BTreeMap<usize, i64>,
    /// It is gone when one of the two is.
    is_gone: bool,
}

type Told = Result<usize, String>;

#[derive(Default)]
pub(super) struct Model {
    conversations: Vec<Conversation>,
    messages: Vec<Message>,
    /// Places of conversations, the one with the latest message last.
    active: Vec<usize>,
    blocks: BTreeSet<(usize, usize)>,
    follows: BTreeSet<(usize, usize)>,
    /// Both ways.
    friends: BTreeSet<(usize, usize)>,
    senders: BTreeMap<usize, AcceptedSenders>,
    deleted: BTreeSet<usize>,
}

fn refused<T>(reason: &str) -> Result<T, String> {
    Err(reason.to_owned())
}

impl Model {
    /// The message that a step is about, if it is about one and there is any.
    pub(super) fn picked(&self, step: &Step) -> Option<usize> {
        match step {
            Step::Edit { message, .. }
            | Step::Delete { message, .. }
            | Step::Hide { message, .. }
            | Step::Mark { message, .. }
                if !self.messages.is_empty() =>
            {
                Some(message.index(self.messages.len()))
            }
            _ => None,
        }
    }

    pub(super) fn picked_conversation(&self, pick: Index) -> Option<usize> {
        (!self.conversations.is_empty()).then(|| pick.index(self.conversations.len()))
    }

    /// Takes a step: what whoever takes it is told.
    pub(super) fn take(&mut self, step: &Step) -> Told {
        let picked = self.picked(step);
        match (step, picked) {
            (Step::Send { from, to }, _) => self.send(*from, *to),
            (Step::Edit { by, content, .. }, Some(place)) => self.edit(*by, place, content.to_string()),
            (Step::Delete { by, .. }, Some(place)) => self.delete(*by, place),
            (Step::Hide { by, .. }, Some(place)) => self.hide(*by, place),
            (Step::Mark { by, .. }, Some(place)) => self.mark(*by, place),
            (Step::MarkAll { by, conversation }, _) => {
                self.mark_all(*by, conversation.and_then(|pick| self.picked_conversation(pick)))
            }
            (Step::Set { by, senders }, _) => {
                if self.deleted.contains(by) {
                    return refused("USER_NOT_FOUND");
                }
                self.senders.insert(*by, *senders);
                Ok(0)
            }
            (Step::DeleteUser { who }, _) => {
                self.deleted.insert(*who);
                for conversation in &mut self.conversations {
                    conversation.is_gone |= conversation.both.contains(who);
                }
                Ok(0)
            }
            (step, _) => {
                self.relate(step);
                Ok(0)
            }
        }
    }

    fn relate(&mut self, step: &Step) {
        let (Step::Block { by, who }
        | Step::Unblock { by, who }
        | Step::Follow { by, who }
        | Step::Befriend { by, who }) = step
        else {
            return;
        };
        let (forth, back) = ((*by, *who), (*who, *by));
        if self.deleted.contains(by) || self.deleted.contains(who) {
            return;
        }
        match step {
            Step::Block { .. } => {
                self.blocks.insert(forth);
                for cut in [forth, back] {
                    self.follows.remove(&cut);
                    self.friends.remove(&cut);
                }
            }
            Step::Unblock { .. } => {
                self.blocks.remove(&forth);
            }
            _ if self.is_blocked(*by, *who) => {}
            Step::Follow { .. } => {
                self.follows.insert(forth);
            }
            _ => self.friends.extend([forth, back]),
        }
    }

    fn is_blocked(&self, one: usize, other: usize) -> bool {
        self.blocks.contains(&(one, other)) || self.blocks.contains(&(other, one))
    }

    fn accepts(&self, to: usize, from: usize) -> bool {
        let is_friend = self.friends.contains(&(to, from));
        match self.senders.get(&to) {
            None | Some(AcceptedSenders::Everyone) => true,
            Some(AcceptedSenders::Followers) => is_friend || self.follows.contains(&(from, to)),
            Some(_) => is_friend,
        }
    }

    fn send(&mut self, from: usize, to: usize) -> Told {
        if self.deleted.contains(&from) || self.deleted.contains(&to) {
            return refused("USER_NOT_FOUND");
        }
        if self.is_blocked(from, to) || !self.accepts(to, from) {
            return refused("INTERACTION_NOT_ALLOWED");
        }
        let both = [from.min(to), from.max(to)];
        let found = self
            .conversations
            .iter()
            .position(|conversation| conversation.both == both);
        let place = found.unwrap_or(self.conversations.len());
        if found.is_none() {
            self.conversations.push(Conversation {
                both,
                last_seq: 0,
                marked: BTreeMap::new(),
                told: BTreeMap::new(),
                is_gone: false,
            });
        }
        let conversation = &mut self.conversations[place];
        conversation.last_seq += 1;
        self.messages.push(Message {
            conversation: place,
            seq: conversation.last_seq,
            sender: from,
            receiver: to,
            content: Some(self.messages.len().to_string()),
            is_edited: false,
            hidden_from: BTreeSet::new(),
        });
        self.active.retain(|other| *other != place);
        self.active.push(place);
        Ok(self.unread_in(from, place))
    }

    /// Whether a message is there for somebody.
    fn sees(&self, person: usize, message: &Message) -> bool {
        let conversation = &self.conversations[message.conversation];
        conversation.both.contains(&person) && !conversation.is_gone && !message.hidden_from.contains(&person)
    }

    fn edit(&mut self, by: usize, place: usize, content: String) -> Told {
        let message = &self.messages[place];
        if !self.sees(by, message) {
            return refused("MESSAGE_NOT_FOUND");
        }
        if message.sender != by {
            return refused("NOT_OWNER");
        }
        if message.content.is_none() {
            return refused("MESSAGE_DELETED");
        }
        if message.content.as_ref() == Some(&content) {
            return Ok(0);
        }
        if self.is_blocked(message.sender, message.receiver) {
            return refused("INTERACTION_NOT_ALLOWED");
        }
        let message = &mut self.messages[place];
        message.content = Some(content);
        message.is_edited = true;
        Ok(0)
    }

    fn delete(&mut self, by: usize, place: usize) -> Told {
        let message = &self.messages[place];
        if !self.sees(by, message) {
            return refused("MESSAGE_NOT_FOUND");
        }
        if message.sender != by {
            return refused("NOT_OWNER");
        }
        match self.messages[place].content.take() {
            Some(_) => Ok(0),
            None => refused("MESSAGE_NOT_FOUND"),
        }
    }

    fn hide(&mut self, by: usize, place: usize) -> Told {
        if !self.sees(by, &self.messages[place]) {
            return refused("MESSAGE_NOT_FOUND");
        }
        self.messages[place].hidden_from.insert(by);
        Ok(0)
    }

    fn mark(&mut self, by: usize, place: usize) -> Told {
        let message = &self.messages[place];
        if !self.sees(by, message) {
            return refused("MESSAGE_NOT_FOUND");
        }
        let (conversation, seq) = (message.conversation, message.seq);
        self.mark_up_to(by, conversation, seq);
        Ok(self.unread_in(by, conversation))
    }

    /// The other may know of it, unless one blocks the other now.
    fn mark_up_to(&mut self, by: usize, place: usize, seq: i64) {
        let [low, high] = self.conversations[place].both;
        let is_blocked = self.is_blocked(low, high);
        let conversation = &mut self.conversations[place];
        let marked = conversation.marked.entry(by).or_default();
        *marked = seq.max(*marked);
        if !is_blocked {
            let told = conversation.told.entry(by).or_default();
            *told = seq.max(*told);
        }
    }

    /// Where everything that came is marked, there is nothing to do.
    fn mark_all(&mut self, by: usize, wanted: Option<usize>) -> Told {
        if let Some(place) = wanted
            && !self.is_member(by, place)
        {
            return refused("CONVERSATION_NOT_FOUND");
        }
        for place in 0..self.conversations.len() {
            let is_wanted = wanted.is_none_or(|wanted| wanted == place) && self.is_member(by, place);
            let to_them = |message: &&Message| message.conversation == place && message.receiver == by;
            let received = self
                .messages
                .iter()
                .filter(to_them)
                .map(|message| message.seq)
                .max();
            let received = received.unwrap_or_default();
            if is_wanted && received > marked(&self.conversations[place], by) {
                self.mark_up_to(by, place, received);
            }
        }
        Ok(wanted.map_or_else(|| self.unread(by), |place| self.unread_in(by, place)))
    }

    fn is_member(&self, person: usize, place: usize) -> bool {
        let conversation = &self.conversations[place];
        conversation.both.contains(&person) && !conversation.is_gone
    }

    fn unread_in(&self, reader: usize, place: usize) -> usize {
        let marked = marked(&self.conversations[place], reader);
        let is_unread = |message: &&Message| {
            message.conversation == place
                && message.receiver == reader
                && message.seq > marked
                && message.content.is_some()
                && self.sees(reader, message)
        };
        self.messages.iter().filter(is_unread).count()
    }

    fn unread(&self, reader: usize) -> usize {
        (0..self.conversations.len())
            .map(|place| self.unread_in(reader, place))
            .sum()
    }

    /// What a user must see.
    pub(super) fn seen(&self, person: usize) -> Seen {
        let conversations = (0..self.conversations.len()).map(|place| {
            let is_there = self.is_member(person, place);
            let look = || (self.conversation(person, place), self.messages_in(person, place));
            (place, is_there.then(look))
        });
        let listed = self
            .active
            .iter()
            .rev()
            .filter(|place| self.is_member(person, **place));
        Seen {
            listed: listed.map(|place| self.conversation(person, *place)).collect(),
            unread: self.unread(person),
            conversations: conversations.collect(),
        }
    }

    fn conversation(&self, person: usize, place: usize) -> SeenConversation {
        let conversation = &self.conversations[place];
        let [low, high] = conversation.both;
        SeenConversation {
            place,
            peer: if person == low { high } else { low },
            last_seq: conversation.last_seq,
            read_seq: marked(conversation, person),
            unread: self.unread_in(person, place),
            last_message: self.messages_in(person, place).pop(),
        }
    }

    fn messages_in(&self, person: usize, place: usize) -> Vec<SeenMessage> {
        let conversation = &self.conversations[place];
        let all = self.messages.iter().enumerate();
        let seen = all.filter(|(_, message)| message.conversation == place && self.sees(person, message));
        seen.map(|(number, message)| {
            let read_by = if message.receiver == person {
                &conversation.marked
            } else {
                &conversation.told
            };
            SeenMessage {
                place: number,
                seq: message.seq,
                sender: message.sender,
                receiver: message.receiver,
                content: message.content.clone().unwrap_or_default(),
                is_deleted: message.content.is_none(),
                is_edited: message.is_edited,
                is_read: message.seq <= read_by.get(&message.receiver).copied().unwrap_or_default(),
            }
        })
        .collect()
    }
}

fn marked(conversation: &Conversation, person: usize) -> i64 {
    conversation.marked.get(&person).copied().unwrap_or_default()
}
