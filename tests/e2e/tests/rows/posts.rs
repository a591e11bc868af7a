//! The RPCs of posts.

use kith_contracts::posts::v1::*;
use prost::Message;

use super::{NOT_ALLOWED, NOT_OWNER, OK, Row, World, unique};

/// One row for each.
pub(super) const ROWS: &[Row] = &[
    row!(
        "kith.posts.v1.PostsService/CreatePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| CreatePostRequest {
            content: format!("@{} #hello", world.owner.username),
            parent_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/GetPost",
        OK,
        OK,
        OK,
        |world: &World| GetPostRequest {
            post_id: world.post_id
        }
    ),
    row!(
        "kith.posts.v1.PostsService/BatchGetPosts",
        OK,
        OK,
        OK,
        |world: &World| BatchGetPostsRequest {
            post_ids: vec![world.post_id]
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UpdatePost",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| UpdatePostRequest {
            post_id: world.post_id,
            content: Some(unique("hello ")),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListPostEdits",
        OK,
        OK,
        OK,
        |world: &World| ListPostEditsRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/DeletePost",
        NOT_OWNER,
        OK,
        NOT_ALLOWED,
        |world: &World| DeletePostRequest {
            post_id: world.post_id,
            allow_missing: false
        }
    ),
    row!("kith.posts.v1.PostsService/ListPosts", OK, OK, OK, |_: &World| {
        ListPostsRequest::default()
    }),
    row!(
        "kith.posts.v1.PostsService/ListPostsByAuthor",
        OK,
        OK,
        OK,
        |world: &World| ListPostsByAuthorRequest {
            author_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListReplies",
        OK,
        OK,
        OK,
        |world: &World| ListRepliesRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/GetThread",
        OK,
        OK,
        OK,
        |world: &World| GetThreadRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/LikePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| LikePostRequest {
            post_id: world.post_id,
            allow_existing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UnlikePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnlikePostRequest {
            post_id: world.post_id,
            allow_missing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListLikers",
        OK,
        OK,
        OK,
        |world: &World| ListLikersRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListLikedPosts",
        OK,
        OK,
        OK,
        |world: &World| ListLikedPostsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/SharePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SharePostRequest {
            post_id: world.post_id,
            allow_existing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/UnsharePost",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnsharePostRequest {
            post_id: world.post_id,
            allow_missing: true
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListSharers",
        OK,
        OK,
        OK,
        |world: &World| ListSharersRequest {
            post_id: world.post_id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListSharedPosts",
        OK,
        OK,
        OK,
        |world: &World| ListSharedPostsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListHomeTimeline",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListHomeTimelineRequest::default()
    ),
    row!(
        "kith.posts.v1.PostsService/ListPostsByHashtag",
        OK,
        OK,
        OK,
        |_: &World| ListPostsByHashtagRequest {
            tag: "hello".to_owned(),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/ListMentions",
        OK,
        OK,
        OK,
        |world: &World| ListMentionsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/SearchPosts",
        OK,
        OK,
        OK,
        |_: &World| SearchPostsRequest {
            query: "hello".to_owned(),
            ..Default::default()
        }
    ),
    row!(
        "kith.posts.v1.PostsService/VerifyCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| VerifyCountersRequest::default()
    ),
    row!(
        "kith.posts.v1.PostsService/RepairCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| RepairCountersRequest::default()
    ),
];
