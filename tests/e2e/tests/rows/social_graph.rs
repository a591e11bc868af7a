//! The RPCs of social-graph.

use kith_contracts::social_graph::v1::*;
use prost::Message;

use super::{NOT_ALLOWED, NOT_OWNER, OK, Row, World};

/// What the owner may want to do.
fn like(world: &World) -> Interaction {
    Interaction {
        actor_id: world.owner.id,
        target_id: world.third.id,
        action: InteractionAction::Like.into(),
    }
}

/// One row for each.
pub(super) const ROWS: &[Row] = &[
    row!(
        "kith.social_graph.v1.SocialGraphService/Follow",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| FollowRequest {
            user_id: world.third.id,
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/Unfollow",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnfollowRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetFollow",
        OK,
        OK,
        OK,
        |world: &World| GetFollowRequest {
            follower_id: world.third.id,
            followed_id: world.owner.id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchCheckFollows",
        OK,
        OK,
        OK,
        |world: &World| BatchCheckFollowsRequest {
            pairs: vec![FollowPair {
                follower_id: world.owner.id,
                followed_id: world.third.id
            }],
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchFollow",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| BatchFollowRequest {
            pairs: vec![FollowPair {
                follower_id: world.owner.id,
                followed_id: world.third.id
            }],
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFollowers",
        OK,
        OK,
        OK,
        |world: &World| ListFollowersRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFollowing",
        OK,
        OK,
        OK,
        |world: &World| ListFollowingRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetCounts",
        OK,
        OK,
        OK,
        |world: &World| GetCountsRequest {
            user_id: world.owner.id
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/VerifyCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| VerifyCountersRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/RepairCounters",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |_: &World| RepairCountersRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListFriends",
        OK,
        OK,
        OK,
        |world: &World| ListFriendsRequest {
            user_id: world.owner.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListMutualFriends",
        OK,
        OK,
        OK,
        |world: &World| ListMutualFriendsRequest {
            user_id: world.owner.id,
            other_user_id: world.third.id,
            ..Default::default()
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/SuggestFriends",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| SuggestFriendsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchBefriend",
        NOT_ALLOWED,
        NOT_ALLOWED,
        OK,
        |world: &World| BatchBefriendRequest {
            pairs: vec![FriendPair {
                user_id: world.owner.id,
                friend_id: world.third.id
            }],
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/RemoveFollower",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| RemoveFollowerRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/SendFriendRequest",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| SendFriendRequestRequest {
            user_id: world.third.id,
            note: "we met in London".to_owned(),
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/CancelFriendRequest",
        OK,
        NOT_OWNER,
        NOT_ALLOWED,
        |world: &World| CancelFriendRequestRequest {
            friend_request_id: world.friend_request_id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/AcceptFriendRequest",
        "NotFound FRIEND_REQUEST_NOT_FOUND",
        OK,
        NOT_ALLOWED,
        |world: &World| AcceptFriendRequestRequest {
            friend_request_id: world.friend_request_id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/DeclineFriendRequest",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| DeclineFriendRequestRequest {
            friend_request_id: world.friend_request_id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetFriendRequest",
        "NotFound FRIEND_REQUEST_NOT_FOUND",
        OK,
        NOT_ALLOWED,
        |world: &World| GetFriendRequestRequest {
            friend_request_id: world.friend_request_id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListSentRequests",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListSentRequestsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListReceivedRequests",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListReceivedRequestsRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/Unfriend",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnfriendRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BlockUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| BlockUserRequest {
            user_id: world.third.id,
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/UnblockUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnblockUserRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListBlocks",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListBlocksRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/MuteUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| MuteUserRequest {
            user_id: world.third.id,
            ttl: Some(prost_types::Duration {
                seconds: 3600,
                nanos: 0,
            }),
            allow_existing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/UnmuteUser",
        OK,
        OK,
        NOT_ALLOWED,
        |world: &World| UnmuteUserRequest {
            user_id: world.third.id,
            allow_missing: true,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/ListMutes",
        OK,
        OK,
        NOT_ALLOWED,
        |_: &World| ListMutesRequest::default()
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/GetRelationship",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| GetRelationshipRequest {
            viewer_id: world.owner.id,
            user_id: world.third.id,
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchGetRelationships",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| BatchGetRelationshipsRequest {
            viewer_id: world.owner.id,
            user_ids: vec![world.third.id],
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/CheckInteraction",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| CheckInteractionRequest {
            interaction: Some(like(world)),
        }
    ),
    row!(
        "kith.social_graph.v1.SocialGraphService/BatchCheckInteractions",
        NOT_OWNER,
        OK,
        OK,
        |world: &World| BatchCheckInteractionsRequest {
            interactions: vec![like(world)],
        }
    ),
];
