//! Parsed values of the social graph. What is here cannot be wrong.

mod follow_edge;

pub(crate) use follow_edge::FollowEdge;
