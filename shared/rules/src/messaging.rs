//! The rules of schema `messaging`.

use kith_primitives::{Reason, UserId};

use crate::Breaks::{Missing, Never, Value};
use crate::identity::USER;
use crate::{Rule, rules};

/// The protobuf message of a message.
pub const MESSAGE: &str = "kith.messaging.v1.Message";
/// The protobuf message of a conversation.
pub const CONVERSATION: &str = "kith.messaging.v1.Conversation";
/// Most characters of a message's content.
pub const CONTENT_MAX: usize = 4000;

const GENERATED: &str = "the database makes the key";
const ORDERED: &str = "the server puts the two users in the order of their ids";
const TOGETHER: &str = "a conversation and its two members are made by one statement";
const NUMBERED: &str = "whoever numbers a message has the conversation's lock";
const FORWARD: &str = "pointers only ever move to a message that is there";
const LOCKED: &str = "whoever edits a message has its lock";
const HASHED: &str = "the server makes the fingerprint";

rules! {
    /// Primary key.
    CONVERSATIONS_PKEY = "messaging_conversations_pkey": Never { because: GENERATED };
    /// The user with the lower id exists.
    CONVERSATIONS_LOW_USER_ID_FKEY = "messaging_conversations_low_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to have a conversation" };
    /// The user with the higher id exists.
    CONVERSATIONS_HIGH_USER_ID_FKEY = "messaging_conversations_high_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to have a conversation" };
    /// A seq is never negative.
    CONVERSATIONS_LAST_SEQ_NOT_NEGATIVE = "messaging_conversations_last_seq_not_negative":
        Never { because: NUMBERED };
    /// Nobody writes to itself.
    CONVERSATIONS_NOT_WITH_ONESELF = "messaging_conversations_not_with_oneself":
        Value { field: "receiver_id", reason: Reason::SelfMessage, description: "must be another user: nobody can send messages to itself" };
    /// The two users stand in the order of their ids.
    CONVERSATIONS_LOW_BEFORE_HIGH = "messaging_conversations_low_before_high": Never { because: ORDERED };
    /// Two users have one conversation.
    CONVERSATIONS_PAIR_KEY = "messaging_conversations_pair_key":
        Never { because: "one that exists is used" };
    /// What members refer to.
    CONVERSATIONS_SIDES_KEY = "messaging_conversations_sides_key": Never { because: GENERATED };
    /// Each of the two is a member once.
    MEMBERS_PKEY = "messaging_members_pkey": Never { because: TOGETHER };
    /// The members are the users of the conversation.
    MEMBERS_CONVERSATION_FKEY = "messaging_members_conversation_fkey": Never { because: TOGETHER };
    /// A conversation has both members.
    MEMBERS_MIRROR_FKEY = "messaging_members_mirror_fkey": Never { because: TOGETHER };
    /// A pointer is never negative.
    MEMBERS_READ_SEQ_NOT_NEGATIVE = "messaging_members_read_seq_not_negative": Never { because: FORWARD };
    /// A pointer is never negative.
    MEMBERS_RECEIPT_SEQ_NOT_NEGATIVE = "messaging_members_receipt_seq_not_negative": Never { because: FORWARD };
    /// What the other may know of is read.
    MEMBERS_RECEIPT_AFTER_READ = "messaging_members_receipt_after_read":
        Never { because: "both pointers move together, or the first alone" };
    /// A mute ends after it began.
    MEMBERS_MUTE_EXPIRES_LATER = "messaging_members_mute_expires_later":
        Value { field: "ttl", reason: Reason::DurationInvalid, description: "must be more than 0" };
    /// Only a mute ends.
    MEMBERS_MUTE_BEGINS = "messaging_members_mute_begins":
        Never { because: "beginning and end are written together" };
    /// Primary key.
    MESSAGES_PKEY = "messaging_messages_pkey": Never { because: GENERATED };
    /// The first message of a conversation has the seq 1.
    MESSAGES_SEQ_POSITIVE = "messaging_messages_seq_positive": Never { because: NUMBERED };
    /// Each seq of a conversation is that of one message.
    MESSAGES_SEQ_KEY = "messaging_messages_seq_key": Never { because: NUMBERED };
    /// Sender and receiver are the two members.
    MESSAGES_MEMBERS_FKEY = "messaging_messages_members_fkey":
        Never { because: "whoever sends has the conversation's lock, which holds its members" };
    /// Content has at most [`CONTENT_MAX`] characters.
    MESSAGES_CONTENT_LENGTH = "messaging_messages_content_length":
        Value { field: "content", reason: Reason::FieldTooLong, description: "must have at most 4000 characters" };
    /// Content is more than white space.
    MESSAGES_CONTENT_NOT_BLANK = "messaging_messages_content_not_blank":
        Value { field: "content", reason: Reason::FieldRequired, description: "must have more than white space" };
    /// Content is there until the message is deleted.
    MESSAGES_CONTENT_UNTIL_DELETED = "messaging_messages_content_until_deleted":
        Never { because: "a deletion takes the content in the same statement" };
    /// One row for each version that was changed.
    MESSAGE_EDITS_PKEY = "messaging_message_edits_pkey": Never { because: LOCKED };
    /// Edits belong to a message.
    MESSAGE_EDITS_MESSAGE_ID_FKEY = "messaging_message_edits_message_id_fkey": Never { because: LOCKED };
    /// Each id of a user's requests is that of one.
    REQUESTS_PKEY = "messaging_requests_pkey": Never { because: "an id that is taken is not taken again" };
    /// Who sends exists.
    REQUESTS_USER_ID_FKEY = "messaging_requests_user_id_fkey":
        Never { because: "who sends has the lock of its conversation, which goes before its user" };
    /// A fingerprint has 32 bytes.
    REQUESTS_FINGERPRINT_LENGTH = "messaging_requests_fingerprint_length": Never { because: HASHED };
    /// One row of settings for each user.
    SETTINGS_PKEY = "messaging_settings_pkey": Never { because: "settings that exist are changed" };
    /// Who has settings exists.
    SETTINGS_USER_ID_FKEY = "messaging_settings_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to have settings" };
    /// Senders are accepted in one of three ways.
    SETTINGS_ACCEPTED_SENDERS_KNOWN = "messaging_settings_accepted_senders_known":
        Value { field: "accepted_senders", reason: Reason::FieldMalformed, description: "must be a value of the contract" };
}

/// The rule that a conversation breaks of which the user `missing` does not exist.
pub fn no_such_user(missing: UserId, other: UserId) -> &'static Rule {
    if missing < other {
        &CONVERSATIONS_LOW_USER_ID_FKEY
    } else {
        &CONVERSATIONS_HIGH_USER_ID_FKEY
    }
}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[
    (
        "conversations",
        &[
            "id",
            "low_user_id",
            "high_user_id",
            "last_seq",
            "active_at",
            "created_at",
        ],
    ),
    (
        "members",
        &[
            "conversation_id",
            "user_id",
            "peer_id",
            "low_user_id",
            "high_user_id",
            "received_seq",
            "read_seq",
            "receipt_seq",
        ],
    ),
    (
        "messages",
        &[
            "id",
            "conversation_id",
            "seq",
            "sender_id",
            "receiver_id",
            "created_at",
            "version",
            "hidden_from_sender",
            "hidden_from_receiver",
        ],
    ),
    (
        "message_edits",
        &["message_id", "version", "content", "started_at", "ended_at"],
    ),
    (
        "requests",
        &["user_id", "request_id", "fingerprint", "message_id", "created_at"],
    ),
    (
        "settings",
        &["user_id", "accepted_senders", "updated_at", "version"],
    ),
];
