//! Parsed values of posts, and what one user may do with another's. What is here cannot be wrong.

mod content;
mod entities;
mod media_url;
mod policy;
mod post_change;
mod post_cursor;
mod post_draft;
mod post_kind;
mod reaction;
mod search_query;
mod topic;

pub(crate) use content::Content;
pub(crate) use entities::{Entities, Place};
pub(crate) use media_url::MediaUrl;
pub(crate) use policy::{Parties, decide};
pub(crate) use post_change::PostChange;
pub(crate) use post_cursor::PostCursor;
pub(crate) use post_draft::PostDraft;
pub(crate) use post_kind::PostKind;
pub(crate) use reaction::Reaction;
pub(crate) use search_query::{RankCursor, SearchQuery, nothing_to_look_for};
pub(crate) use topic::Topic;
