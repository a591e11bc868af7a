//! Parsed values of the social graph, and what one user may do to another. What is here cannot be wrong.

mod follow_edge;
mod interaction;
mod mute_ttl;
mod note;
mod pair;
mod suggestion_cursor;
mod user_cursor;

pub(crate) use follow_edge::FollowEdge;
pub(crate) use interaction::{AcceptedSenders, Action, Facts, Interaction, decide};
pub(crate) use mute_ttl::MuteTtl;
pub(crate) use note::Note;
pub(crate) use pair::Pair;
pub(crate) use suggestion_cursor::SuggestionCursor;
pub(crate) use user_cursor::UserCursor;
