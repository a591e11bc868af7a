//! Every statement on schema `social_graph`. Functions take keys and parsed values and return rows.
//!
//! Another service's view is read in a `WITH ... AS MATERIALIZED` step of its own and joined with that step's result,
//! so that the same statements run where each schema has a node of its own.

mod accounts;
mod batches;
mod counters;
mod counts;
mod follows;
mod lists;
mod turns;

pub(crate) use batches::{Edge, follows_create, follows_find};
pub(crate) use counters::{DriftRow, counters_repair, counters_verify};
pub(crate) use counts::counts_find;
pub(crate) use follows::{Created, FollowRow, follow_create, follow_delete, follow_find, follow_not_found};
pub(crate) use lists::{followers_page, following_page};
pub(crate) use turns::Batches;
