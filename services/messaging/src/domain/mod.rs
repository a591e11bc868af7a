//! Parsed values of messaging. What is here cannot be wrong.

mod accepted_senders;
mod content;
mod mute_ttl;
mod outgoing;
mod query;
mod refusal;
mod seq_cursor;

pub(crate) use accepted_senders::{AcceptedSenders, SettingsChange};
pub(crate) use content::Content;
pub(crate) use mute_ttl::MuteTtl;
pub(crate) use outgoing::Outgoing;
pub(crate) use query::Query;
pub(crate) use refusal::Refusal;
pub(crate) use seq_cursor::SeqCursor;
