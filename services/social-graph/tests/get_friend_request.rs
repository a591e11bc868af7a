use kith_contracts::social_graph::v1::{GetFriendRequestRequest, GetFriendRequestResponse};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::graph::{ask, befriend};
use crate::support::{answer, refusal};

type Called = Result<Response<GetFriendRequestResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, friend_request_id: i64) -> Called {
    let request = GetFriendRequestRequest { friend_request_id };
    app.social_graph(caller).get_friend_request(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_users_of_a_request_read_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let request = ask(&app, &users[0], &users[1]).await;
    for user in &users {
        let read = answer(call(&app, user, request.id).await);
        assert_eq!(read.friend_request.as_ref(), Some(&request));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_others_and_once_it_is_answered_it_is_not_there() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let id = ask(&app, &users[0], &users[1]).await.id;
    befriend(&app, &users[0], &users[2]).await;
    for (user, id) in [(&users[2], id), (&users[0], id + 1), (&users[0], 4711)] {
        let refused = refusal(call(&app, user, id).await);
        assert_eq!(refused.summary(), "NotFound FRIEND_REQUEST_NOT_FOUND []");
        let name = format!("friendRequests/{id}");
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.FriendRequest".to_owned(), name))
        );
    }
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
