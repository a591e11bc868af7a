//! Parsed values of the social graph. What is here cannot be wrong.

mod follow_edge;
mod user_cursor;

pub(crate) use follow_edge::FollowEdge;
pub(crate) use user_cursor::UserCursor;
