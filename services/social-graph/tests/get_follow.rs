use kith_contracts::social_graph::v1::{GetFollowRequest, GetFollowResponse};
use kith_testkit::{Caller, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, follow, refusal};

type Called = Result<Response<GetFollowResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, follower_id: i64, followed_id: i64) -> Called {
    let request = GetFollowRequest {
        follower_id,
        followed_id,
    };
    app.social_graph(caller).get_follow(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_with_a_token_reads_it() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let made = follow(&app, &users[0], &users[1]).await;
    let by_other = answer(call(&app, &users[2], users[0].id, users[1].id).await);
    let by_service = answer(call(&app, &app.operator(&[]), users[0].id, users[1].id).await);
    assert_eq!(by_other.follow.as_ref(), Some(&made));
    assert_eq!(by_service.follow, by_other.follow);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_direction_and_unknown_users_are_not_found() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    follow(&app, &users[0], &users[1]).await;
    let (alice, bob) = (users[0].id, users[1].id);
    for (follower, followed) in [(bob, alice), (alice, alice), (alice, 4711), (i64::MAX, bob)] {
        let refused = refusal(call(&app, &users[0], follower, followed).await);
        assert_eq!(refused.summary(), "NotFound FOLLOW_NOT_FOUND []");
        let name = format!("users/{follower}/following/{followed}");
        assert_eq!(refused.resource.map(|(_, name)| name), Some(name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ids_are_greater_than_zero() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, &app.operator(&[]), 0, -1).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [follower_id ID_INVALID, followed_id ID_INVALID]"
    );
}
