//! One file per RPC. This one is the table of contents: it only delegates.

mod batch_check_follows;
mod batch_follow;
mod convert;
mod follow;
mod get_counts;
mod get_follow;
mod list_followers;
mod list_following;
mod repair_counters;
mod unfollow;
mod verify_counters;

use kith_contracts::social_graph::v1::social_graph_service_server::SocialGraphService;
use kith_contracts::social_graph::v1::*;
use kith_rpc::unary;
use tonic::{Request, Response, Status, async_trait};

use crate::App;

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl SocialGraphService for App {
    async fn follow(&self, request: Request<FollowRequest>) -> Answer<FollowResponse> {
        unary(request, |caller, message| follow::call(self, caller, message)).await
    }

    async fn unfollow(&self, request: Request<UnfollowRequest>) -> Answer<UnfollowResponse> {
        unary(request, |caller, message| unfollow::call(self, caller, message)).await
    }

    async fn get_follow(&self, request: Request<GetFollowRequest>) -> Answer<GetFollowResponse> {
        unary(request, |caller, message| get_follow::call(self, caller, message)).await
    }

    async fn batch_check_follows(
        &self,
        request: Request<BatchCheckFollowsRequest>,
    ) -> Answer<BatchCheckFollowsResponse> {
        unary(request, |caller, message| {
            batch_check_follows::call(self, caller, message)
        })
        .await
    }

    async fn batch_follow(&self, request: Request<BatchFollowRequest>) -> Answer<BatchFollowResponse> {
        unary(request, |caller, message| {
            batch_follow::call(self, caller, message)
        })
        .await
    }

    async fn list_followers(&self, request: Request<ListFollowersRequest>) -> Answer<ListFollowersResponse> {
        unary(request, |caller, message| {
            list_followers::call(self, caller, message)
        })
        .await
    }

    async fn list_following(&self, request: Request<ListFollowingRequest>) -> Answer<ListFollowingResponse> {
        unary(request, |caller, message| {
            list_following::call(self, caller, message)
        })
        .await
    }

    async fn get_counts(&self, request: Request<GetCountsRequest>) -> Answer<GetCountsResponse> {
        unary(request, |caller, message| get_counts::call(self, caller, message)).await
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

    async fn remove_follower(&self, _: Request<RemoveFollowerRequest>) -> Answer<RemoveFollowerResponse> {
        Err(Status::unimplemented(""))
    }

    async fn send_friend_request(
        &self,
        _: Request<SendFriendRequestRequest>,
    ) -> Answer<SendFriendRequestResponse> {
        Err(Status::unimplemented(""))
    }

    async fn cancel_friend_request(
        &self,
        _: Request<CancelFriendRequestRequest>,
    ) -> Answer<CancelFriendRequestResponse> {
        Err(Status::unimplemented(""))
    }

    async fn accept_friend_request(
        &self,
        _: Request<AcceptFriendRequestRequest>,
    ) -> Answer<AcceptFriendRequestResponse> {
        Err(Status::unimplemented(""))
    }

    async fn decline_friend_request(
        &self,
        _: Request<DeclineFriendRequestRequest>,
    ) -> Answer<DeclineFriendRequestResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_friend_request(
        &self,
        _: Request<GetFriendRequestRequest>,
    ) -> Answer<GetFriendRequestResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_sent_requests(
        &self,
        _: Request<ListSentRequestsRequest>,
    ) -> Answer<ListSentRequestsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_received_requests(
        &self,
        _: Request<ListReceivedRequestsRequest>,
    ) -> Answer<ListReceivedRequestsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn unfriend(&self, _: Request<UnfriendRequest>) -> Answer<UnfriendResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_friends(&self, _: Request<ListFriendsRequest>) -> Answer<ListFriendsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_mutual_friends(
        &self,
        _: Request<ListMutualFriendsRequest>,
    ) -> Answer<ListMutualFriendsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn suggest_friends(&self, _: Request<SuggestFriendsRequest>) -> Answer<SuggestFriendsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_befriend(&self, _: Request<BatchBefriendRequest>) -> Answer<BatchBefriendResponse> {
        Err(Status::unimplemented(""))
    }

    async fn block_user(&self, _: Request<BlockUserRequest>) -> Answer<BlockUserResponse> {
        Err(Status::unimplemented(""))
    }

    async fn unblock_user(&self, _: Request<UnblockUserRequest>) -> Answer<UnblockUserResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_blocks(&self, _: Request<ListBlocksRequest>) -> Answer<ListBlocksResponse> {
        Err(Status::unimplemented(""))
    }

    async fn mute_user(&self, _: Request<MuteUserRequest>) -> Answer<MuteUserResponse> {
        Err(Status::unimplemented(""))
    }

    async fn unmute_user(&self, _: Request<UnmuteUserRequest>) -> Answer<UnmuteUserResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_mutes(&self, _: Request<ListMutesRequest>) -> Answer<ListMutesResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_relationship(&self, _: Request<GetRelationshipRequest>) -> Answer<GetRelationshipResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_get_relationships(
        &self,
        _: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        Err(Status::unimplemented(""))
    }

    async fn check_interaction(
        &self,
        _: Request<CheckInteractionRequest>,
    ) -> Answer<CheckInteractionResponse> {
        Err(Status::unimplemented(""))
    }

    async fn batch_check_interactions(
        &self,
        _: Request<BatchCheckInteractionsRequest>,
    ) -> Answer<BatchCheckInteractionsResponse> {
        Err(Status::unimplemented(""))
    }
}
