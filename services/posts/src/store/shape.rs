//! What every statement that answers posts has in common.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz};
use kith_primitives::UserId;

/// The step `hidden` of a statement: whom the viewer, `$1`, blocks. A statement leaves out what these wrote by
/// `author_id NOT IN (SELECT user_id FROM hidden)`, which keeps the order of an index, as a join would not.
macro_rules! hidden {
    () => {
        "hidden AS MATERIALIZED (SELECT blocked_id AS user_id FROM social_graph.block_edges WHERE blocker_id = $1)"
    };
}

/// The step `page` of a statement: the posts of `$rows`, a query in the order of an index that ends with `LIMIT $n`.
///
/// The planner does not know how many rows `$n` stands for, and takes a tenth of what there is: of a million posts it would
/// expect 100,000 on a page, read the mentions of all posts to join them, and compile the statement. 101 is the most that
/// a page fetches.
macro_rules! page {
    ($($rows:expr),+ $(,)?) => {
        concat!("page AS MATERIALIZED (SELECT * FROM (", $($rows,)+ ") AS fetched LIMIT 101)")
    };
}

/// Ends a statement whose step `page` has all columns of the posts to answer, and perhaps more: answers [`PostRow`]s, with
/// what the viewer, `$1`, has to do with them. The statement goes on with its order.
///
/// The viewer's like is the first from there on in the order of both columns of the primary key, which no other index has: of
/// a plain condition on both columns, or the order of users alone, the planner may make a walk through all who like the post,
/// all that the viewer likes, or all likes there are.
macro_rules! of_page {
    () => {
        "
SELECT
    page.*, page.type AS kind,
    (
        SELECT (likes.post_id, likes.user_id) = (page.id, $1) FROM posts.likes
        WHERE (likes.post_id, likes.user_id) >= (page.id, $1)
        ORDER BY likes.post_id, likes.user_id LIMIT 1
    ) IS TRUE AS liked,
    (
        SELECT (shares.post_id, shares.user_id) = (page.id, $1) FROM posts.shares
        WHERE (shares.post_id, shares.user_id) >= (page.id, $1)
        ORDER BY shares.post_id, shares.user_id LIMIT 1
    ) IS TRUE AS shared,
    mentioned.user_ids AS mention_user_ids, mentioned.starts AS mention_starts, mentioned.ends AS mention_ends,
    tagged.tags AS hashtags, tagged.starts AS hashtag_starts, tagged.ends AS hashtag_ends
FROM page
CROSS JOIN LATERAL (
    SELECT
        coalesce(array_agg(user_id ORDER BY place.start), '{}') AS user_ids,
        coalesce(array_agg(place.start ORDER BY place.start), '{}') AS starts,
        coalesce(array_agg(place.stop ORDER BY place.start), '{}') AS ends
    FROM posts.mentions CROSS JOIN LATERAL unnest(starts, ends) AS place (start, stop)
    WHERE mentions.post_id = page.id
) AS mentioned
CROSS JOIN LATERAL (
    SELECT
        coalesce(array_agg(tag ORDER BY place.start), '{}') AS tags,
        coalesce(array_agg(place.start ORDER BY place.start), '{}') AS starts,
        coalesce(array_agg(place.stop ORDER BY place.start), '{}') AS ends
    FROM posts.hashtags CROSS JOIN LATERAL unnest(starts, ends) AS place (start, stop)
    WHERE hashtags.post_id = page.id
) AS tagged
"
    };
}

pub(super) use {hidden, of_page, page};

/// A post as a viewer sees it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct PostRow {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) author_id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) content: String,
    #[diesel(sql_type = Text)]
    pub(crate) kind: String,
    #[diesel(sql_type = Text)]
    pub(crate) media_url: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) parent_id: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    pub(crate) updated_at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub(crate) version: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) likes_count: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) comment_count: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) shares_count: i64,
    /// Means nothing where nobody views.
    #[diesel(sql_type = Bool)]
    pub(crate) liked: bool,
    /// Means nothing where nobody views.
    #[diesel(sql_type = Bool)]
    pub(crate) shared: bool,
    /// For each place where somebody is mentioned, in the order of places, who; and so on.
    #[diesel(sql_type = Array<BigInt>)]
    pub(crate) mention_user_ids: Vec<i64>,
    #[diesel(sql_type = Array<Integer>)]
    pub(crate) mention_starts: Vec<i32>,
    #[diesel(sql_type = Array<Integer>)]
    pub(crate) mention_ends: Vec<i32>,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) hashtags: Vec<String>,
    #[diesel(sql_type = Array<Integer>)]
    pub(crate) hashtag_starts: Vec<i32>,
    #[diesel(sql_type = Array<Integer>)]
    pub(crate) hashtag_ends: Vec<i32>,
}

/// The user who reads, as statements name it. Nobody has the id 0: it stands for callers that are no users.
pub(super) fn viewer(user: Option<UserId>) -> i64 {
    user.map_or(0, UserId::get)
}
