//! All statements, one file per aggregate, names noun first.

mod changes;
mod creates;
mod deletes;
mod edits;
mod entities;
mod posts;
mod shape;

pub(crate) use changes::post_update;
pub(crate) use creates::post_create;
pub(crate) use deletes::post_delete;
pub(crate) use edits::{EditRow, edits_page};
pub(crate) use posts::{post_find, post_not_found, posts_find};
pub(crate) use shape::PostRow;
