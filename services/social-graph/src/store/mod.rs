//! Every statement on schema `social_graph`. Functions take keys and parsed values and return rows.
//!
//! Another service's view is read in a `WITH ... AS MATERIALIZED` step of its own and joined with that step's result,
//! so that the same statements run where each schema has a node of its own.

mod accounts;
mod batches;
mod blocks;
mod counters;
mod counts;
mod follows;
mod friend_batches;
mod friendships;
mod interactions;
mod lists;
mod mutes;
mod mutual_friends;
mod pairs;
mod relationships;
mod request_lists;
mod requests;
mod suggestions;
mod turns;

pub(crate) use accounts::{not_owned, not_owner};
pub(crate) use batches::{Edge, follows_create, follows_find};
pub(crate) use blocks::{BlockRow, Receipt, block_create, block_delete, block_not_found, blocks_page};
pub(crate) use counters::{DriftRow, counters_repair, counters_verify};
pub(crate) use counts::counts_find;
pub(crate) use follows::{Created, FollowRow, follow_create, follow_delete, follow_find, follow_not_found};
pub(crate) use friend_batches::{Befriended, friendships_create};
pub(crate) use friendships::{FriendshipRow, friends_page, friendship_delete, friendship_not_found};
pub(crate) use interactions::facts_find;
pub(crate) use lists::{followers_page, following_page};
pub(crate) use mutes::{MuteRow, mute_create, mute_delete, mute_not_found, mutes_page};
pub(crate) use mutual_friends::mutual_friends_page;
pub(crate) use relationships::{RelationshipRow, relationships_find};
pub(crate) use request_lists::{received_requests_page, sent_requests_page};
pub(crate) use requests::{
    Asked, RequestRow, request_accept, request_cancel, request_decline, request_find, request_not_found,
    request_send,
};
pub(crate) use suggestions::{SuggestionRow, friends_suggest};
pub(crate) use turns::{AT_ONCE as BATCHES_AT_ONCE, Batches};
