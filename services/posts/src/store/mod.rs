//! All statements, one file per aggregate, names noun first.

mod posts;
mod shape;

pub(crate) use posts::{post_find, post_not_found, posts_find};
pub(crate) use shape::PostRow;
