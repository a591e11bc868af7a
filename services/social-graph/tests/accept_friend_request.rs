use std::sync::Arc;

use kith_contracts::identity::v1::DeleteUserRequest;
use kith_contracts::social_graph::v1::{
    AcceptFriendRequestRequest, AcceptFriendRequestResponse, BlockUserRequest, CancelFriendRequestRequest,
    DeclineFriendRequestRequest, UnfriendRequest,
};
use kith_testkit::{TestApp, TestUser, count};
use tokio::sync::Barrier;
use tonic::{Response, Status};

use crate::graph::{ask, relationship};
use crate::support::{answer, crowd, deactivate, refusal};

type Called = Result<Response<AcceptFriendRequestResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, friend_request_id: i64) -> Called {
    let request = AcceptFriendRequestRequest { friend_request_id };
    app.social_graph(caller).accept_friend_request(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_are_friends_and_the_request_is_gone() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    let friendship = answer(call(&app, &users[1], id).await)
        .friendship
        .expect("a friendship");
    assert_eq!(
        (friendship.user_id, friendship.friend_id),
        (users[1].id, users[0].id)
    );
    let other_side = relationship(&app, &users[0], &users[1]).await;
    let mirrored = other_side.friendship.expect("a friendship");
    assert_eq!(
        (mirrored.user_id, mirrored.create_time),
        (users[0].id, friendship.create_time)
    );
    assert_eq!(other_side.friend_request, None);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_time_there_is_no_request() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    answer(call(&app, &users[1], id).await);
    let refused = refusal(call(&app, &users[1], id).await);
    assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_may_not_and_others_find_nothing() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    let refused = refusal(call(&app, &users[0], id).await);
    assert_eq!(refused.summary(), "PermissionDenied NOT_OWNER []");
    for (user, id) in [(&users[2], id), (&users[1], id + 1)] {
        let refused = refusal(call(&app, user, id).await);
        assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
    }
    assert_eq!(count(&app, "social_graph.friendships").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_is_deactivated_the_request_stays() {
    let app = TestApp::start().await;
    for idle in [0, 1] {
        let users = app.users(&[&format!("a{idle}"), &format!("b{idle}")]).await;
        let id = ask(&app, &users[0], &users[1]).await.id;
        deactivate(&app, &users[idle]).await;
        let refused = refusal(call(&app, &users[1], id).await);
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
        let name = format!("users/{}", users[idle].id);
        assert_eq!(refused.resource, Some(("kith.identity.v1.User".to_owned(), name)));
    }
    assert_eq!(count(&app, "social_graph.friend_requests").await, 2);
    app.database.assert_invariants().await;
}

/// What somebody does at the moment of the acceptance.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rival {
    Decline,
    Cancel,
    Block,
    DeleteSender,
}

impl Rival {
    /// Whether it went well.
    async fn act(self, app: &TestApp, id: i64, from: &TestUser, to: &TestUser) -> bool {
        match self {
            Rival::Decline => {
                let request = DeclineFriendRequestRequest {
                    friend_request_id: id,
                    allow_missing: false,
                };
                app.social_graph(to).decline_friend_request(request).await.is_ok()
            }
            Rival::Cancel => {
                let request = CancelFriendRequestRequest {
                    friend_request_id: id,
                    allow_missing: false,
                };
                app.social_graph(from)
                    .cancel_friend_request(request)
                    .await
                    .is_ok()
            }
            Rival::Block => {
                let request = BlockUserRequest {
                    user_id: to.id,
                    allow_existing: false,
                };
                let receipt = answer(app.social_graph(from).block_user(request).await).receipt;
                // What it cut tells which came first.
                let receipt = receipt.expect("a receipt");
                assert!(receipt.friend_request.is_some() != receipt.friendship.is_some());
                receipt.friend_request.is_some()
            }
            Rival::DeleteSender => {
                let request = DeleteUserRequest {
                    user_id: from.id,
                    allow_missing: false,
                };
                let operator = app.operator(&["identity.users.delete"]);
                answer(app.identity(&operator).delete_user(request).await);
                false
            }
        }
    }
}

/// Released together, for many pairs.
async fn against(rival: Rival) {
    let app = Arc::new(TestApp::start().await);
    let (ones, others) = (crowd(&app, "one", 30).await, crowd(&app, "other", 30).await);
    let mut accepted_first = 0;
    for (from, to) in ones.iter().zip(&others) {
        let id = ask(&app, from, to).await.id;
        let barrier = Barrier::new(2);
        let accept = async {
            barrier.wait().await;
            call(&app, to, id).await
        };
        let act = async {
            barrier.wait().await;
            rival.act(&app, id, from, to).await
        };
        let (accepted, won) = tokio::join!(accept, act);
        if let Err(status) = &accepted {
            assert_eq!(status.code(), tonic::Code::NotFound, "{status:?}");
        }
        if rival != Rival::DeleteSender {
            assert_ne!(won, accepted.is_ok(), "exactly one is told that it came first");
        }
        accepted_first += usize::from(accepted.is_ok());
    }
    app.database.assert_invariants().await;
    assert_eq!(count(&app, "social_graph.friend_requests").await, 0);
    let friends = match rival {
        Rival::Decline | Rival::Cancel => accepted_first,
        Rival::Block | Rival::DeleteSender => 0,
    };
    let rows = i64::try_from(2 * friends).expect("small");
    assert_eq!(count(&app, "social_graph.friendships").await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_acceptance_and_a_decline_one_happens_and_both_are_told() {
    against(Rival::Decline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_acceptance_and_a_cancellation_one_happens_and_both_are_told() {
    against(Rival::Cancel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_at_the_same_moment_cuts_the_request_or_the_friendship() {
    against(Rival::Block).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_at_the_same_moment_leaves_nothing() {
    against(Rival::DeleteSender).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_who_part_from_both_sides_at_once_part_once_and_never_deadlock() {
    let mut app = Arc::new(TestApp::start().await);
    let (ones, others) = (crowd(&app, "one", 30).await, crowd(&app, "other", 30).await);
    for (one, other) in ones.iter().zip(&others) {
        crate::graph::befriend(&app, one, other).await;
        let unfriend = async |caller: &TestUser, friend: &TestUser| {
            let request = UnfriendRequest {
                user_id: friend.id,
                allow_missing: false,
            };
            app.social_graph(caller).unfriend(request).await.is_ok()
        };
        let ended = tokio::join!(unfriend(one, other), unfriend(other, one));
        assert!(ended.0 != ended.1, "{ended:?}");
    }
    app.database.assert_invariants().await;
    Arc::get_mut(&mut app)
        .expect("nobody else has it")
        .shut_down()
        .await;
    assert_eq!(app.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, 0).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [friend_request_id ID_INVALID]"
    );
}
