//! The rules of schema `social_graph`.

use kith_primitives::Reason;

use crate::Breaks::{Existing, Missing, Never, Value};
use crate::identity::USER;
use crate::rules;

/// The protobuf message of a follow.
pub const FOLLOW: &str = "kith.social_graph.v1.Follow";

const COUNTED: &str = "only the triggers of the counted table write it";

rules! {
    /// One follow for each ordered pair of users.
    FOLLOWS_PKEY = "social_graph_follows_pkey":
        Existing { reason: Reason::FollowExists, resource: FOLLOW, message: "this follow exists already" };
    /// Nobody follows itself.
    FOLLOWS_NO_SELF_FOLLOW = "social_graph_follows_no_self_follow":
        Value { field: "user_id", reason: Reason::SelfFollow, description: "must be another user: nobody can follow itself" };
    /// The follower exists.
    FOLLOWS_FOLLOWER_ID_FKEY = "social_graph_follows_follower_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be the follower" };
    /// The followed exists.
    FOLLOWS_FOLLOWED_ID_FKEY = "social_graph_follows_followed_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to follow" };
    /// Primary key.
    FOLLOW_COUNTS_PKEY = "social_graph_follow_counts_pkey": Never { because: COUNTED };
    /// Counts belong to a user.
    FOLLOW_COUNTS_USER_ID_FKEY = "social_graph_follow_counts_user_id_fkey":
        Never { because: "the foreign keys of follows hold its users before they are counted" };
    /// A count is never negative.
    FOLLOW_COUNTS_FOLLOWERS_NOT_NEGATIVE = "social_graph_follow_counts_followers_not_negative":
        Never { because: COUNTED };
    /// A count is never negative.
    FOLLOW_COUNTS_FOLLOWING_NOT_NEGATIVE = "social_graph_follow_counts_following_not_negative":
        Never { because: COUNTED };
}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[
    ("follows", &["follower_id", "followed_id", "created_at"]),
    ("follow_counts", &["user_id", "followers", "following"]),
];
