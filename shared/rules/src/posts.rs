//! The rules of schema `posts`.

use kith_primitives::Reason;

use crate::Breaks::{Existing, Missing, Never, Value};
use crate::identity::USER;
use crate::rules;

/// The protobuf message of a post.
pub const POST: &str = "kith.posts.v1.Post";
/// The protobuf message of a like.
pub const LIKE: &str = "kith.posts.v1.Like";
/// The protobuf message of a share.
pub const SHARE: &str = "kith.posts.v1.Share";
/// Most characters of a post's content.
pub const CONTENT_MAX: usize = 500;
/// Most characters of a post's media URL.
pub const MEDIA_URL_MAX: usize = 500;
/// Most characters of a hashtag.
pub const HASHTAG_MAX: usize = 100;

const COUNTED: &str = "only the triggers of the counted tables write it";
const PARSED: &str = "the server reads it out of a post that it holds";
const LOCKED: &str = "the post is locked before";

rules! {
    /// Primary key.
    POSTS_PKEY = "posts_posts_pkey": Never { because: "the database makes the key" };
    /// The author exists.
    POSTS_AUTHOR_ID_FKEY = "posts_posts_author_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be the author" };
    /// Content has at most [`CONTENT_MAX`] characters.
    POSTS_CONTENT_LENGTH = "posts_posts_content_length":
        Value { field: "content", reason: Reason::FieldTooLong, description: "must have at most 500 characters" };
    /// Content is more than white space.
    POSTS_CONTENT_NOT_BLANK = "posts_posts_content_not_blank":
        Value { field: "content", reason: Reason::FieldRequired, description: "must have more than white space" };
    /// The type is one of three.
    POSTS_TYPE_KNOWN = "posts_posts_type_known":
        Value { field: "type", reason: Reason::FieldMalformed, description: "must be thoughts, media or milestones" };
    /// A media URL has at most [`MEDIA_URL_MAX`] characters.
    POSTS_MEDIA_URL_LENGTH = "posts_posts_media_url_length":
        Value { field: "media_url", reason: Reason::FieldTooLong, description: "must have at most 500 characters" };
    /// A media URL is http or https.
    POSTS_MEDIA_URL_SCHEME = "posts_posts_media_url_scheme":
        Value { field: "media_url", reason: Reason::UrlInvalid, description: "must be an http or https URL" };
    /// What is replied to exists.
    POSTS_PARENT_ID_FKEY = "posts_posts_parent_id_fkey":
        Missing { reason: Reason::PostNotFound, resource: POST, message: "there is no such post to reply to" };
    /// A reply is made after what it replies to.
    POSTS_PARENT_BEFORE = "posts_posts_parent_before":
        Never { because: "a post is there, with its id, before anybody can reply to it" };
    /// A count is never negative.
    POSTS_LIKES_COUNT_NOT_NEGATIVE = "posts_posts_likes_count_not_negative": Never { because: COUNTED };
    /// A count is never negative.
    POSTS_COMMENT_COUNT_NOT_NEGATIVE = "posts_posts_comment_count_not_negative": Never { because: COUNTED };
    /// A count is never negative.
    POSTS_SHARES_COUNT_NOT_NEGATIVE = "posts_posts_shares_count_not_negative": Never { because: COUNTED };
    /// One row for each version that was changed.
    POST_EDITS_PKEY = "posts_post_edits_pkey": Never { because: "the change that made it had the post's lock" };
    /// Edits belong to a post.
    POST_EDITS_POST_ID_FKEY = "posts_post_edits_post_id_fkey": Never { because: LOCKED };
    /// One like for each user and post.
    LIKES_PKEY = "posts_likes_pkey":
        Existing { reason: Reason::LikeExists, resource: LIKE, message: "this post is liked already" };
    /// What is liked exists.
    LIKES_POST_ID_FKEY = "posts_likes_post_id_fkey":
        Missing { reason: Reason::PostNotFound, resource: POST, message: "there is no such post to like" };
    /// Who likes exists.
    LIKES_USER_ID_FKEY = "posts_likes_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to like a post" };
    /// One share for each user and post.
    SHARES_PKEY = "posts_shares_pkey":
        Existing { reason: Reason::ShareExists, resource: SHARE, message: "this post is shared already" };
    /// What is shared exists.
    SHARES_POST_ID_FKEY = "posts_shares_post_id_fkey":
        Missing { reason: Reason::PostNotFound, resource: POST, message: "there is no such post to share" };
    /// Who shares exists.
    SHARES_USER_ID_FKEY = "posts_shares_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to share a post" };
    /// One row for each user whom a post mentions.
    MENTIONS_PKEY = "posts_mentions_pkey": Never { because: PARSED };
    /// Mentions belong to a post.
    MENTIONS_POST_ID_FKEY = "posts_mentions_post_id_fkey": Never { because: LOCKED };
    /// Who is mentioned exists.
    MENTIONS_USER_ID_FKEY = "posts_mentions_user_id_fkey":
        Never { because: "a name of somebody who has just been deleted is text, once its statement is sent again" };
    /// A mention stands somewhere.
    MENTIONS_PLACES = "posts_mentions_places": Never { because: PARSED };
    /// One row for each topic of a post.
    HASHTAGS_PKEY = "posts_hashtags_pkey": Never { because: PARSED };
    /// Hashtags belong to a post.
    HASHTAGS_POST_ID_FKEY = "posts_hashtags_post_id_fkey": Never { because: LOCKED };
    /// A topic has a bounded name.
    HASHTAGS_TAG_LENGTH = "posts_hashtags_tag_length": Never { because: PARSED };
    /// A hashtag stands somewhere.
    HASHTAGS_PLACES = "posts_hashtags_places": Never { because: PARSED };
    /// One post for each request of a user.
    REQUESTS_PKEY = "posts_requests_pkey": Never { because: "a request that is there already is answered with its post" };
    /// Requests belong to a user.
    REQUESTS_USER_ID_FKEY = "posts_requests_user_id_fkey":
        Missing { reason: Reason::UserNotFound, resource: USER, message: "there is no such user to be the author" };
    /// A fingerprint is a SHA-256.
    REQUESTS_FINGERPRINT_LENGTH = "posts_requests_fingerprint_length":
        Never { because: "the server makes it" };
}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[
    (
        "posts",
        &[
            "id",
            "author_id",
            "content",
            "type",
            "media_url",
            "created_at",
            "updated_at",
            "version",
            "likes_count",
            "comment_count",
            "shares_count",
            "is_shared",
        ],
    ),
    (
        "post_edits",
        &[
            "post_id",
            "version",
            "content",
            "type",
            "media_url",
            "started_at",
            "ended_at",
        ],
    ),
    ("likes", &["post_id", "user_id", "created_at"]),
    ("shares", &["post_id", "user_id", "created_at"]),
    (
        "mentions",
        &["post_id", "user_id", "created_at", "starts", "ends"],
    ),
    ("hashtags", &["post_id", "tag", "created_at", "starts", "ends"]),
    (
        "requests",
        &["user_id", "request_id", "fingerprint", "post_id", "created_at"],
    ),
];
