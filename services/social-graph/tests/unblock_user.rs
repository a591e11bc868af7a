use kith_contracts::social_graph::v1::{UnblockUserRequest, UnblockUserResponse};
use kith_testkit::{TestApp, TestUser, count};
use tonic::{Response, Status};

use crate::graph::{befriend, block, nothing, relationship};
use crate::support::{answer, deactivate, follow, refusal};

type Called = Result<Response<UnblockUserResponse>, Status>;

async fn call(app: &TestApp, caller: &TestUser, user_id: i64, allow_missing: bool) -> Called {
    let request = UnblockUserRequest {
        user_id,
        allow_missing,
    };
    app.social_graph(caller).unblock_user(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_block_is_answered_as_it_was_and_nothing_that_it_cut_comes_back() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    befriend(&app, &users[0], &users[1]).await;
    let first = block(&app, &users[0], &users[1]).await;
    let ended = answer(call(&app, &users[0], users[1].id, false).await);
    assert_eq!(ended.block, first.block);
    assert_eq!(
        relationship(&app, &users[0], &users[1]).await,
        nothing(&users[0], &users[1])
    );
    follow(&app, &users[1], &users[0]).await;
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_callers_own_block_ends_though_it_is_blocked_itself() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    block(&app, &users[0], &users[1]).await;
    let refused = refusal(call(&app, &users[1], users[0].id, false).await);
    assert_eq!(refused.summary(), "NotFound BLOCK_NOT_FOUND []");
    block(&app, &users[1], &users[0]).await;
    answer(call(&app, &users[1], users[0].id, false).await);
    assert_eq!(count(&app, "social_graph.blocks").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_not_there_is_named_and_with_allow_missing_passed_over() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    for id in [users[1].id, users[0].id, 4711] {
        let refused = refusal(call(&app, &users[0], id, false).await);
        assert_eq!(refused.summary(), "NotFound BLOCK_NOT_FOUND []");
        let name = format!("users/{}/blocks/{id}", users[0].id);
        assert_eq!(
            refused.resource,
            Some(("kith.social_graph.v1.Block".to_owned(), name))
        );
        assert_eq!(answer(call(&app, &users[0], id, true).await).block, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_can_be_unblocked() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    block(&app, &users[0], &users[1]).await;
    deactivate(&app, &users[1]).await;
    answer(call(&app, &users[0], users[1].id, false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_greater_than_zero_whatever_is_allowed() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, -1, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}
