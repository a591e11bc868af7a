//! What the tests of requests, friendships, blocks and mutes need.

use kith_contracts::social_graph::v1::send_friend_request_response::Result as Sent;
use kith_contracts::social_graph::v1::{
    AcceptFriendRequestRequest, BlockUserRequest, BlockUserResponse, FriendRequest, Friendship,
    GetRelationshipRequest, MuteUserRequest, Relationship, SendFriendRequestRequest,
    SendFriendRequestResponse,
};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::answer;

/// Asks for friendship, without a note.
pub(crate) async fn send(
    app: &TestApp,
    from: &TestUser,
    to: &TestUser,
    allow_existing: bool,
) -> Result<Response<SendFriendRequestResponse>, Status> {
    let request = SendFriendRequestRequest {
        user_id: to.id,
        note: String::new(),
        allow_existing,
    };
    app.social_graph(from).send_friend_request(request).await
}

/// Asks for friendship, for the first time.
pub(crate) async fn ask(app: &TestApp, from: &TestUser, to: &TestUser) -> FriendRequest {
    match answer(send(app, from, to, false).await).result {
        Some(Sent::FriendRequest(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

/// Makes friends as people do, and answers the friendship from the side of `to`.
pub(crate) async fn befriend(app: &TestApp, from: &TestUser, to: &TestUser) -> Friendship {
    let request = AcceptFriendRequestRequest {
        friend_request_id: ask(app, from, to).await.id,
    };
    let answer = answer(app.social_graph(to).accept_friend_request(request).await);
    answer.friendship.expect("a friendship")
}

/// Blocks for the first time.
pub(crate) async fn block(app: &TestApp, blocker: &TestUser, blocked: &TestUser) -> BlockUserResponse {
    let request = BlockUserRequest {
        user_id: blocked.id,
        allow_existing: false,
    };
    answer(app.social_graph(blocker).block_user(request).await)
}

/// Mutes for good, for the first time.
pub(crate) async fn mute(app: &TestApp, muter: &TestUser, muted: &TestUser) {
    let request = MuteUserRequest {
        user_id: muted.id,
        ttl: None,
        allow_existing: false,
    };
    answer(app.social_graph(muter).mute_user(request).await);
}

/// What `viewer` sees of what is between it and `user`.
pub(crate) async fn relationship(app: &TestApp, viewer: &TestUser, user: &TestUser) -> Relationship {
    let request = GetRelationshipRequest {
        viewer_id: viewer.id,
        user_id: user.id,
    };
    let answer = answer(app.social_graph(viewer).get_relationship(request).await);
    answer.relationship.expect("a relationship")
}

/// The relationship of two users to whom nothing is.
pub(crate) fn nothing(viewer: &TestUser, user: &TestUser) -> Relationship {
    Relationship {
        viewer_id: viewer.id,
        user_id: user.id,
        ..Default::default()
    }
}
