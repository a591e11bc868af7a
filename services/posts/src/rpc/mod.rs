//! One file per RPC. This one is the table of contents: it only delegates.

mod batch_get_posts;
mod convert;
mod create_post;
mod delete_post;
mod get_post;
mod get_thread;
mod like_post;
mod list_home_timeline;
mod list_liked_posts;
mod list_likers;
mod list_mentions;
mod list_post_edits;
mod list_posts;
mod list_posts_by_author;
mod list_posts_by_hashtag;
mod list_replies;
mod list_shared_posts;
mod list_sharers;
mod repair_counters;
mod search_posts;
mod share_post;
mod unlike_post;
mod unshare_post;
mod update_post;
mod verify_counters;

use kith_contracts::posts::v1::posts_service_server::PostsService;
use kith_contracts::posts::v1::*;
use kith_rpc::unary;
use tonic::{Request, Response, Status, async_trait};

use crate::App;

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl PostsService for App {
    async fn create_post(&self, request: Request<CreatePostRequest>) -> Answer<CreatePostResponse> {
        unary(request, |caller, message| {
            create_post::call(self, caller, message)
        })
        .await
    }

    async fn get_post(&self, request: Request<GetPostRequest>) -> Answer<GetPostResponse> {
        unary(request, |caller, message| get_post::call(self, caller, message)).await
    }

    async fn batch_get_posts(&self, request: Request<BatchGetPostsRequest>) -> Answer<BatchGetPostsResponse> {
        unary(request, |caller, message| {
            batch_get_posts::call(self, caller, message)
        })
        .await
    }

    async fn update_post(&self, request: Request<UpdatePostRequest>) -> Answer<UpdatePostResponse> {
        unary(request, |caller, message| {
            update_post::call(self, caller, message)
        })
        .await
    }

    async fn list_post_edits(&self, request: Request<ListPostEditsRequest>) -> Answer<ListPostEditsResponse> {
        unary(request, |caller, message| {
            list_post_edits::call(self, caller, message)
        })
        .await
    }

    async fn delete_post(&self, request: Request<DeletePostRequest>) -> Answer<DeletePostResponse> {
        unary(request, |caller, message| {
            delete_post::call(self, caller, message)
        })
        .await
    }

    async fn list_posts(&self, request: Request<ListPostsRequest>) -> Answer<ListPostsResponse> {
        unary(request, |caller, message| list_posts::call(self, caller, message)).await
    }

    async fn list_posts_by_author(
        &self,
        request: Request<ListPostsByAuthorRequest>,
    ) -> Answer<ListPostsByAuthorResponse> {
        unary(request, |caller, message| {
            list_posts_by_author::call(self, caller, message)
        })
        .await
    }

    async fn list_replies(&self, request: Request<ListRepliesRequest>) -> Answer<ListRepliesResponse> {
        unary(request, |caller, message| {
            list_replies::call(self, caller, message)
        })
        .await
    }

    async fn get_thread(&self, request: Request<GetThreadRequest>) -> Answer<GetThreadResponse> {
        unary(request, |caller, message| get_thread::call(self, caller, message)).await
    }

    async fn like_post(&self, request: Request<LikePostRequest>) -> Answer<LikePostResponse> {
        unary(request, |caller, message| like_post::call(self, caller, message)).await
    }

    async fn unlike_post(&self, request: Request<UnlikePostRequest>) -> Answer<UnlikePostResponse> {
        unary(request, |caller, message| {
            unlike_post::call(self, caller, message)
        })
        .await
    }

    async fn list_likers(&self, request: Request<ListLikersRequest>) -> Answer<ListLikersResponse> {
        unary(request, |caller, message| {
            list_likers::call(self, caller, message)
        })
        .await
    }

    async fn list_liked_posts(
        &self,
        request: Request<ListLikedPostsRequest>,
    ) -> Answer<ListLikedPostsResponse> {
        unary(request, |caller, message| {
            list_liked_posts::call(self, caller, message)
        })
        .await
    }

    async fn share_post(&self, request: Request<SharePostRequest>) -> Answer<SharePostResponse> {
        unary(request, |caller, message| share_post::call(self, caller, message)).await
    }

    async fn unshare_post(&self, request: Request<UnsharePostRequest>) -> Answer<UnsharePostResponse> {
        unary(request, |caller, message| {
            unshare_post::call(self, caller, message)
        })
        .await
    }

    async fn list_sharers(&self, request: Request<ListSharersRequest>) -> Answer<ListSharersResponse> {
        unary(request, |caller, message| {
            list_sharers::call(self, caller, message)
        })
        .await
    }

    async fn list_shared_posts(
        &self,
        request: Request<ListSharedPostsRequest>,
    ) -> Answer<ListSharedPostsResponse> {
        unary(request, |caller, message| {
            list_shared_posts::call(self, caller, message)
        })
        .await
    }

    async fn list_home_timeline(
        &self,
        request: Request<ListHomeTimelineRequest>,
    ) -> Answer<ListHomeTimelineResponse> {
        unary(request, |caller, message| {
            list_home_timeline::call(self, caller, message)
        })
        .await
    }

    async fn list_posts_by_hashtag(
        &self,
        request: Request<ListPostsByHashtagRequest>,
    ) -> Answer<ListPostsByHashtagResponse> {
        unary(request, |caller, message| {
            list_posts_by_hashtag::call(self, caller, message)
        })
        .await
    }

    async fn list_mentions(&self, request: Request<ListMentionsRequest>) -> Answer<ListMentionsResponse> {
        unary(request, |caller, message| {
            list_mentions::call(self, caller, message)
        })
        .await
    }

    async fn search_posts(&self, request: Request<SearchPostsRequest>) -> Answer<SearchPostsResponse> {
        unary(request, |caller, message| {
            search_posts::call(self, caller, message)
        })
        .await
    }

    async fn verify_counters(
        &self,
        request: Request<VerifyCountersRequest>,
    ) -> Answer<VerifyCountersResponse> {
        unary(request, |caller, message| {
            verify_counters::call(self, caller, message)
        })
        .await
    }

    async fn repair_counters(
        &self,
        request: Request<RepairCountersRequest>,
    ) -> Answer<RepairCountersResponse> {
        unary(request, |caller, message| {
            repair_counters::call(self, caller, message)
        })
        .await
    }
}
