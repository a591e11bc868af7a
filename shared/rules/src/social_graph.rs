//! The rules of schema `social_graph`.

use kith_primitives::Reason;

use crate::Breaks::{Existing, Missing, Never, NotAllowed, Value};
use crate::identity::USER;
use crate::rules;

/// The protobuf message of a follow.
pub const FOLLOW: &str = "kith.social_graph.v1.Follow";
/// The protobuf message of a friend request.
pub const FRIEND_REQUEST: &str = "kith.social_graph.v1.FriendRequest";
/// The protobuf message of a friendship.
pub const FRIENDSHIP: &str = "kith.social_graph.v1.Friendship";
/// The protobuf message of a block.
pub const BLOCK: &str = "kith.social_graph.v1.Block";
/// The protobuf message of a mute.
pub const MUTE: &str = "kith.social_graph.v1.Mute";
/// Most characters of a friend request's note.
pub const NOTE_MAX: usize = 200;

const COUNTED: &str = "only the triggers of the counted table write it";
const DECLINED: &str = "only a decline of a request writes it, whose users it names";

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
    /// No follow begins where one of the two blocks the other.
    FOLLOWS_NOT_BLOCKED = "social_graph_follows_not_blocked": NotAllowed;
    /// One block for each ordered pair of users.
    BLOCKS_PKEY = "social_graph_blocks_pkey":
        Existing { reason: Reason::BlockExists, resource: BLOCK, message: "this user is blocked already" };
    /// Nobody blocks itself.
    BLOCKS_NO_SELF_BLOCK = "social_graph_blocks_no_self_block":
        Value { field: "user_id", reason: Reason::SelfBlock, description: "must be another user: nobody can block itself" };
    /// The blocker exists.
    BLOCKS_BLOCKER_ID_FKEY = "social_graph_blocks_blocker_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be the blocker" };
    /// The blocked exists.
    BLOCKS_BLOCKED_ID_FKEY = "social_graph_blocks_blocked_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to block" };
    /// One mute for each ordered pair of users.
    MUTES_PKEY = "social_graph_mutes_pkey":
        Existing { reason: Reason::MuteExists, resource: MUTE, message: "this user is muted already" };
    /// Nobody mutes itself.
    MUTES_NO_SELF_MUTE = "social_graph_mutes_no_self_mute":
        Value { field: "user_id", reason: Reason::SelfMute, description: "must be another user: nobody can mute itself" };
    /// The muter exists.
    MUTES_MUTER_ID_FKEY = "social_graph_mutes_muter_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be the muter" };
    /// The muted exists.
    MUTES_MUTED_ID_FKEY = "social_graph_mutes_muted_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to mute" };
    /// A mute ends after it began.
    MUTES_EXPIRES_LATER = "social_graph_mutes_expires_later":
        Value { field: "ttl", reason: Reason::DurationInvalid, description: "must be more than 0" };
    /// Primary key.
    FRIEND_REQUESTS_PKEY = "social_graph_friend_requests_pkey": Never { because: "the database makes the key" };
    /// The one who asks exists.
    FRIEND_REQUESTS_FROM_USER_ID_FKEY = "social_graph_friend_requests_from_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to ask" };
    /// The one who is asked exists.
    FRIEND_REQUESTS_TO_USER_ID_FKEY = "social_graph_friend_requests_to_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be asked" };
    /// A note has at most [`NOTE_MAX`] characters.
    FRIEND_REQUESTS_NOTE_LENGTH = "social_graph_friend_requests_note_length":
        Value { field: "note", reason: Reason::FieldTooLong, description: "must have at most 200 characters" };
    /// Nobody asks itself.
    FRIEND_REQUESTS_NO_SELF_REQUEST = "social_graph_friend_requests_no_self_request":
        Value { field: "user_id", reason: Reason::SelfBefriend, description: "must be another user: nobody can be its own friend" };
    /// Of two users at most one asks.
    FRIEND_REQUESTS_PAIR_KEY = "social_graph_friend_requests_pair_key":
        Existing { reason: Reason::FriendRequestExists, resource: FRIEND_REQUEST, message: "this user has been asked already" };
    /// Nobody asks where one of the two blocks the other.
    FRIEND_REQUESTS_NOT_BLOCKED = "social_graph_friend_requests_not_blocked": NotAllowed;
    /// Friends do not ask each other.
    FRIEND_REQUESTS_NOT_FRIENDS = "social_graph_friend_requests_not_friends":
        Existing { reason: Reason::FriendshipExists, resource: FRIENDSHIP, message: "the two are friends already" };
    /// Primary key.
    FRIEND_REQUEST_DECLINES_PKEY = "social_graph_friend_request_declines_pkey":
        Never { because: "a second decline takes the place of the first" };
    /// The one who asked exists.
    FRIEND_REQUEST_DECLINES_FROM_USER_ID_FKEY = "social_graph_friend_request_declines_from_user_id_fkey":
        Never { because: DECLINED };
    /// The one who declined exists.
    FRIEND_REQUEST_DECLINES_TO_USER_ID_FKEY = "social_graph_friend_request_declines_to_user_id_fkey":
        Never { because: DECLINED };
    /// Nobody declines its own request.
    FRIEND_REQUEST_DECLINES_NO_SELF_DECLINE = "social_graph_friend_request_declines_no_self_decline":
        Never { because: DECLINED };
    /// One friendship for each pair of users.
    FRIENDSHIPS_PKEY = "social_graph_friendships_pkey":
        Existing { reason: Reason::FriendshipExists, resource: FRIENDSHIP, message: "the two are friends already" };
    /// Nobody is its own friend.
    FRIENDSHIPS_NO_SELF_FRIENDSHIP = "social_graph_friendships_no_self_friendship":
        Value { field: "friend_id", reason: Reason::SelfBefriend, description: "must be another user: nobody can be its own friend" };
    /// Both friends exist.
    FRIENDSHIPS_USER_ID_FKEY = "social_graph_friendships_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be a friend" };
    /// A friendship has two sides.
    FRIENDSHIPS_MIRROR_FKEY = "social_graph_friendships_mirror_fkey":
        Never { because: "both rows are made by one statement" };
    /// No friendship begins where one of the two blocks the other.
    FRIENDSHIPS_NOT_BLOCKED = "social_graph_friendships_not_blocked": NotAllowed;
    /// No request is left beside a friendship.
    FRIENDSHIPS_NO_REQUEST = "social_graph_friendships_no_request":
        Never { because: "the request is deleted before, and the pair's lock keeps others from coming" };
    /// Primary key.
    FRIEND_COUNTS_PKEY = "social_graph_friend_counts_pkey": Never { because: COUNTED };
    /// Counts belong to a user.
    FRIEND_COUNTS_USER_ID_FKEY = "social_graph_friend_counts_user_id_fkey":
        Never { because: "the foreign key of friendships holds its users before they are counted" };
    /// A count is never negative.
    FRIEND_COUNTS_FRIENDS_NOT_NEGATIVE = "social_graph_friend_counts_friends_not_negative":
        Never { because: COUNTED };
}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[
    ("follows", &["follower_id", "followed_id", "created_at"]),
    ("follow_counts", &["user_id", "followers", "following"]),
    ("blocks", &["blocker_id", "blocked_id", "created_at"]),
    ("mutes", &["muter_id", "muted_id", "created_at"]),
    (
        "friend_requests",
        &["id", "from_user_id", "to_user_id", "note", "created_at"],
    ),
    (
        "friend_request_declines",
        &["from_user_id", "to_user_id", "expires_at"],
    ),
    ("friendships", &["user_id", "friend_id", "created_at"]),
    ("friend_counts", &["user_id", "friends"]),
];
