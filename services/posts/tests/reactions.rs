//! Likes and shares behave alike. Each behaviour stands here once, and is a test of the one RPC and of the other.

use kith_contracts::posts::v1::*;
use kith_testkit::{Caller, Refusal, TestApp, TestUser};
use prost_types::Timestamp;

pub(crate) mod listing;
pub(crate) mod listing_posts;
pub(crate) mod making;
pub(crate) mod undoing;

/// Makes a test of each behaviour of a module, for likes or for shares.
macro_rules! tests_of {
    ($module:ident, $reaction:expr, [$($behaviour:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                crate::reactions::$module::$behaviour($reaction).await;
            }
        )*
    };
}

pub(crate) use tests_of;

/// What a user does to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Like,
    Share,
}

/// A like or a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    pub(crate) post_id: i64,
    pub(crate) user_id: i64,
    pub(crate) create_time: Timestamp,
}

impl From<Like> for Edge {
    fn from(like: Like) -> Self {
        Self {
            post_id: like.post_id,
            user_id: like.user_id,
            create_time: like.create_time.expect("a time"),
        }
    }
}

impl From<Share> for Edge {
    fn from(share: Share) -> Self {
        Self {
            post_id: share.post_id,
            user_id: share.user_id,
            create_time: share.create_time.expect("a time"),
        }
    }
}

impl Reaction {
    /// LikePost or SharePost, and whether it was there before.
    pub(crate) async fn make(
        self,
        app: &TestApp,
        user: &impl Caller,
        post_id: i64,
        allow_existing: bool,
    ) -> Result<(Edge, bool), Refusal> {
        let mut posts = app.posts(user);
        match self {
            Reaction::Like => {
                let request = LikePostRequest {
                    post_id,
                    allow_existing,
                };
                let answer = posts
                    .like_post(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                Ok((answer.like.expect("a like").into(), answer.existing))
            }
            Reaction::Share => {
                let request = SharePostRequest {
                    post_id,
                    allow_existing,
                };
                let answer = posts
                    .share_post(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                Ok((answer.share.expect("a share").into(), answer.existing))
            }
        }
    }

    /// One that is new.
    pub(crate) async fn made(self, app: &TestApp, user: &TestUser, post: &Post) -> Edge {
        let (edge, existing) = self.make(app, user, post.id, false).await.expect("an answer");
        assert!(!existing);
        edge
    }

    /// UnlikePost or UnsharePost.
    pub(crate) async fn undo(
        self,
        app: &TestApp,
        user: &impl Caller,
        post_id: i64,
        allow_missing: bool,
    ) -> Result<Option<Edge>, Refusal> {
        let mut posts = app.posts(user);
        match self {
            Reaction::Like => {
                let request = UnlikePostRequest {
                    post_id,
                    allow_missing,
                };
                let answer = posts
                    .unlike_post(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?;
                Ok(answer.into_inner().like.map(Edge::from))
            }
            Reaction::Share => {
                let request = UnsharePostRequest {
                    post_id,
                    allow_missing,
                };
                let answer = posts
                    .unshare_post(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?;
                Ok(answer.into_inner().share.map(Edge::from))
            }
        }
    }

    /// ListLikers or ListSharers: a page, and the token of the next.
    pub(crate) async fn of_post(
        self,
        app: &TestApp,
        caller: &impl Caller,
        post_id: i64,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<Edge>, String), Refusal> {
        let (mut posts, page_token) = (app.posts(caller), page_token.to_owned());
        match self {
            Reaction::Like => {
                let request = ListLikersRequest {
                    post_id,
                    page_size,
                    page_token,
                };
                let answer = posts
                    .list_likers(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                let edges = answer.likes.into_iter().map(Edge::from);
                Ok((edges.collect(), answer.next_page_token))
            }
            Reaction::Share => {
                let request = ListSharersRequest {
                    post_id,
                    page_size,
                    page_token,
                };
                let answer = posts
                    .list_sharers(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                let edges = answer.shares.into_iter().map(Edge::from);
                Ok((edges.collect(), answer.next_page_token))
            }
        }
    }

    /// ListLikedPosts or ListSharedPosts: a page, and the token of the next.
    pub(crate) async fn of_user(
        self,
        app: &TestApp,
        caller: &impl Caller,
        user_id: i64,
        page_size: i32,
        page_token: &str,
    ) -> Result<(Vec<(Post, Edge)>, String), Refusal> {
        let (mut posts, page_token) = (app.posts(caller), page_token.to_owned());
        match self {
            Reaction::Like => {
                let request = ListLikedPostsRequest {
                    user_id,
                    page_size,
                    page_token,
                };
                let answer = posts
                    .list_liked_posts(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                let pairs = answer.posts.into_iter();
                let pairs = pairs.map(|pair| (pair.post.expect("a post"), pair.like.expect("a like").into()));
                Ok((pairs.collect(), answer.next_page_token))
            }
            Reaction::Share => {
                let request = ListSharedPostsRequest {
                    user_id,
                    page_size,
                    page_token,
                };
                let answer = posts
                    .list_shared_posts(request)
                    .await
                    .map_err(|status| Refusal::of(&status))?
                    .into_inner();
                let pairs = answer.posts.into_iter();
                let pairs =
                    pairs.map(|pair| (pair.post.expect("a post"), pair.share.expect("a share").into()));
                Ok((pairs.collect(), answer.next_page_token))
            }
        }
    }

    /// The table that has them.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Reaction::Like => "likes",
            Reaction::Share => "shares",
        }
    }

    /// As errors name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reaction::Like => "LIKE",
            Reaction::Share => "SHARE",
        }
    }

    /// How many a post has, and whether the caller's is among them.
    pub(crate) fn seen_in(self, post: &Post) -> (i64, bool) {
        let viewer = post.viewer.expect("a user calls");
        match self {
            Reaction::Like => (post.likes_count, viewer.liked),
            Reaction::Share => (post.shares_count, viewer.shared),
        }
    }
}
