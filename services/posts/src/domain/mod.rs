//! Parsed values of posts, and what one user may do with another's. What is here cannot be wrong.

mod policy;
mod post_kind;

pub(crate) use policy::{Parties, decide};
pub(crate) use post_kind::PostKind;
