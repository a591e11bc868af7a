//! One file per RPC. This one is the table of contents: it only delegates.

mod accept_friend_request;
mod batch_befriend;
mod batch_check_follows;
mod batch_check_interactions;
mod batch_follow;
mod batch_get_relationships;
mod block_user;
mod cancel_friend_request;
mod check_interaction;
mod convert;
mod decline_friend_request;
mod follow;
mod get_counts;
mod get_follow;
mod get_friend_request;
mod get_relationship;
mod list_blocks;
mod list_followers;
mod list_following;
mod list_friends;
mod list_mutes;
mod list_mutual_friends;
mod list_received_requests;
mod list_sent_requests;
mod mute_user;
mod remove_follower;
mod repair_counters;
mod send_friend_request;
mod suggest_friends;
mod unblock_user;
mod unfollow;
mod unfriend;
mod unmute_user;
mod verify_counters;

use kith_contracts::social_graph::v1::social_graph_service_server::SocialGraphService;
use kith_contracts::social_graph::v1::*;
use kith_rpc::unary;
use tonic::{Request, Response, Status, async_trait};

use crate::App;

pub(crate) use batch_follow::MAX as MAX_BATCH;

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

    async fn remove_follower(
        &self,
        request: Request<RemoveFollowerRequest>,
    ) -> Answer<RemoveFollowerResponse> {
        unary(request, |caller, message| {
            remove_follower::call(self, caller, message)
        })
        .await
    }

    async fn send_friend_request(
        &self,
        request: Request<SendFriendRequestRequest>,
    ) -> Answer<SendFriendRequestResponse> {
        unary(request, |caller, message| {
            send_friend_request::call(self, caller, message)
        })
        .await
    }

    async fn cancel_friend_request(
        &self,
        request: Request<CancelFriendRequestRequest>,
    ) -> Answer<CancelFriendRequestResponse> {
        unary(request, |caller, message| {
            cancel_friend_request::call(self, caller, message)
        })
        .await
    }

    async fn accept_friend_request(
        &self,
        request: Request<AcceptFriendRequestRequest>,
    ) -> Answer<AcceptFriendRequestResponse> {
        unary(request, |caller, message| {
            accept_friend_request::call(self, caller, message)
        })
        .await
    }

    async fn decline_friend_request(
        &self,
        request: Request<DeclineFriendRequestRequest>,
    ) -> Answer<DeclineFriendRequestResponse> {
        unary(request, |caller, message| {
            decline_friend_request::call(self, caller, message)
        })
        .await
    }

    async fn get_friend_request(
        &self,
        request: Request<GetFriendRequestRequest>,
    ) -> Answer<GetFriendRequestResponse> {
        unary(request, |caller, message| {
            get_friend_request::call(self, caller, message)
        })
        .await
    }

    async fn list_sent_requests(
        &self,
        request: Request<ListSentRequestsRequest>,
    ) -> Answer<ListSentRequestsResponse> {
        unary(request, |caller, message| {
            list_sent_requests::call(self, caller, message)
        })
        .await
    }

    async fn list_received_requests(
        &self,
        request: Request<ListReceivedRequestsRequest>,
    ) -> Answer<ListReceivedRequestsResponse> {
        unary(request, |caller, message| {
            list_received_requests::call(self, caller, message)
        })
        .await
    }

    async fn unfriend(&self, request: Request<UnfriendRequest>) -> Answer<UnfriendResponse> {
        unary(request, |caller, message| unfriend::call(self, caller, message)).await
    }

    async fn list_friends(&self, request: Request<ListFriendsRequest>) -> Answer<ListFriendsResponse> {
        unary(request, |caller, message| {
            list_friends::call(self, caller, message)
        })
        .await
    }

    async fn list_mutual_friends(
        &self,
        request: Request<ListMutualFriendsRequest>,
    ) -> Answer<ListMutualFriendsResponse> {
        unary(request, |caller, message| {
            list_mutual_friends::call(self, caller, message)
        })
        .await
    }

    async fn suggest_friends(
        &self,
        request: Request<SuggestFriendsRequest>,
    ) -> Answer<SuggestFriendsResponse> {
        unary(request, |caller, message| {
            suggest_friends::call(self, caller, message)
        })
        .await
    }

    async fn batch_befriend(&self, request: Request<BatchBefriendRequest>) -> Answer<BatchBefriendResponse> {
        unary(request, |caller, message| {
            batch_befriend::call(self, caller, message)
        })
        .await
    }

    async fn block_user(&self, request: Request<BlockUserRequest>) -> Answer<BlockUserResponse> {
        unary(request, |caller, message| block_user::call(self, caller, message)).await
    }

    async fn unblock_user(&self, request: Request<UnblockUserRequest>) -> Answer<UnblockUserResponse> {
        unary(request, |caller, message| {
            unblock_user::call(self, caller, message)
        })
        .await
    }

    async fn list_blocks(&self, request: Request<ListBlocksRequest>) -> Answer<ListBlocksResponse> {
        unary(request, |caller, message| {
            list_blocks::call(self, caller, message)
        })
        .await
    }

    async fn mute_user(&self, request: Request<MuteUserRequest>) -> Answer<MuteUserResponse> {
        unary(request, |caller, message| mute_user::call(self, caller, message)).await
    }

    async fn unmute_user(&self, request: Request<UnmuteUserRequest>) -> Answer<UnmuteUserResponse> {
        unary(request, |caller, message| {
            unmute_user::call(self, caller, message)
        })
        .await
    }

    async fn list_mutes(&self, request: Request<ListMutesRequest>) -> Answer<ListMutesResponse> {
        unary(request, |caller, message| list_mutes::call(self, caller, message)).await
    }

    async fn get_relationship(
        &self,
        request: Request<GetRelationshipRequest>,
    ) -> Answer<GetRelationshipResponse> {
        unary(request, |caller, message| {
            get_relationship::call(self, caller, message)
        })
        .await
    }

    async fn batch_get_relationships(
        &self,
        request: Request<BatchGetRelationshipsRequest>,
    ) -> Answer<BatchGetRelationshipsResponse> {
        unary(request, |caller, message| {
            batch_get_relationships::call(self, caller, message)
        })
        .await
    }

    async fn check_interaction(
        &self,
        request: Request<CheckInteractionRequest>,
    ) -> Answer<CheckInteractionResponse> {
        unary(request, |caller, message| {
            check_interaction::call(self, caller, message)
        })
        .await
    }

    async fn batch_check_interactions(
        &self,
        request: Request<BatchCheckInteractionsRequest>,
    ) -> Answer<BatchCheckInteractionsResponse> {
        unary(request, |caller, message| {
            batch_check_interactions::call(self, caller, message)
        })
        .await
    }
}
