//! All statements, one file per aggregate, names noun first.

mod accounts;
mod author_pages;
mod changes;
mod counters;
mod creates;
mod deletes;
mod edits;
mod entities;
mod post_pages;
mod posts;
mod reaction_lists;
mod reactions;
mod search;
mod shape;
mod thread;
mod timeline;

pub(crate) use author_pages::{AuthorList, author_page};
pub(crate) use changes::post_update;
pub(crate) use counters::{DriftRow, counters_repair, counters_verify};
pub(crate) use creates::post_create;
pub(crate) use deletes::post_delete;
pub(crate) use edits::{EditRow, edits_page};
pub(crate) use post_pages::{hashtag_page, mentions_page, posts_page, replies_page};
pub(crate) use posts::{post_find, post_not_found, posts_find};
pub(crate) use reaction_lists::{ReactedPostRow, reacted_posts_page, reactions_page};
pub(crate) use reactions::{ReactionRow, reaction_create, reaction_delete, reaction_not_found};
pub(crate) use search::{posts_search_best, posts_search_newest};
pub(crate) use shape::PostRow;
pub(crate) use thread::{ThreadBounds, ThreadRow, thread_find};
pub(crate) use timeline::{TimelineRow, home_timeline_page};
