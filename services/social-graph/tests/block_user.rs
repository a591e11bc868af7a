use kith_contracts::social_graph::v1::{BlockReceipt, BlockUserRequest, BlockUserResponse};
use kith_testkit::{Caller, TestApp, TestUser, count};
use tokio::task::JoinSet;
use tonic::{Response, Status};

use crate::graph::{ask, befriend, block, mute, nothing, relationship, send};
use crate::support::{Uncommitted, answer, deactivate, execute, follow, refusal};

type Called = Result<Response<BlockUserResponse>, Status>;

async fn call(app: &TestApp, caller: &impl Caller, user_id: i64, allow_existing: bool) -> Called {
    let request = BlockUserRequest {
        user_id,
        allow_existing,
    };
    app.social_graph(caller).block_user(request).await
}

async fn two(app: &TestApp) -> (TestUser, TestUser) {
    let mut users = app.users(&["alice", "bob"]).await.into_iter();
    let pair = users.next().zip(users.next());
    pair.expect("two users")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_of_a_stranger_cuts_nothing() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let blocked = answer(call(&app, &alice, bob.id, false).await);
    let made = blocked.block.expect("a block");
    assert_eq!(
        (made.blocker_id, made.blocked_id, blocked.existing),
        (alice.id, bob.id, false)
    );
    assert!(made.create_time.is_some());
    assert_eq!(blocked.receipt, Some(BlockReceipt::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_lists_what_was_cut_and_it_is_gone_for_both() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let there = follow(&app, &alice, &bob).await;
    let back = follow(&app, &bob, &alice).await;
    let friendship = befriend(&app, &bob, &alice).await;
    let blocked = block(&app, &alice, &bob).await;
    let expected = BlockReceipt {
        follow: Some(there),
        reverse_follow: Some(back),
        friendship: Some(friendship),
        friend_request: None,
    };
    assert_eq!(blocked.receipt, Some(expected));
    assert_eq!(relationship(&app, &bob, &alice).await, nothing(&bob, &alice));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_request_is_cut_in_either_direction() {
    let app = TestApp::start().await;
    for forth in [true, false] {
        let users = app.users(&[&format!("a{forth}"), &format!("b{forth}")]).await;
        let (from, to) = if forth {
            (&users[0], &users[1])
        } else {
            (&users[1], &users[0])
        };
        let request = ask(&app, from, to).await;
        let receipt = block(&app, &users[0], &users[1])
            .await
            .receipt
            .expect("a receipt");
        assert_eq!(receipt.friend_request, Some(request));
    }
    assert_eq!(count(&app, "social_graph.friend_requests").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_between_others_stays() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    let follow = follow(&app, &users[0], &users[2]).await;
    befriend(&app, &users[1], &users[2]).await;
    ask(&app, &users[2], &users[0]).await;
    block(&app, &users[0], &users[1]).await;
    assert_eq!(
        relationship(&app, &users[0], &users[2]).await.follow,
        Some(follow)
    );
    assert!(
        relationship(&app, &users[1], &users[2])
            .await
            .friendship
            .is_some()
    );
    assert_eq!(count(&app, "social_graph.friend_requests").await, 1);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mutes_are_not_cut() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    mute(&app, &bob, &alice).await;
    block(&app, &alice, &bob).await;
    assert!(relationship(&app, &bob, &alice).await.mute.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_block_exists_already_and_with_allow_existing_is_the_first() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let first = block(&app, &alice, &bob).await;
    let refused = refusal(call(&app, &alice, bob.id, false).await);
    assert_eq!(refused.summary(), "AlreadyExists BLOCK_EXISTS []");
    assert_eq!(refused.metadata["constraint"], "social_graph_blocks_pkey");
    let again = answer(call(&app, &alice, bob.id, true).await);
    assert_eq!((again.block, again.existing), (first.block, true));
    assert_eq!(again.receipt, Some(BlockReceipt::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_can_block_each_other() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    block(&app, &alice, &bob).await;
    block(&app, &bob, &alice).await;
    assert_eq!(count(&app, "social_graph.blocks").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_beside_a_block_from_either_side_and_nobody_is_told_why() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    block(&app, &alice, &bob).await;
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        let request = kith_contracts::social_graph::v1::FollowRequest {
            user_id: other.id,
            allow_existing: true,
        };
        let follow = refusal(app.social_graph(one).follow(request).await);
        let friendship = refusal(send(&app, one, other, true).await);
        assert_eq!(follow.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
        assert_eq!(follow, friendship);
        assert!(follow.metadata.is_empty() && follow.resource.is_none() && !follow.retry);
    }
}

// Control: with the pair's lock replaced by nothing, the follow is there in the end. The schema's tests show it.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_is_made_meanwhile_is_cut_too() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let follow = format!(
        "INSERT INTO social_graph.follows VALUES ({}, {})",
        bob.id, alice.id
    );
    let other = Uncommitted::begin(&app, &follow).await;
    let (blocked, ()) = tokio::join!(block(&app, &alice, &bob), other.commit_under_a_waiting_call());
    let cut = blocked.receipt.and_then(|receipt| receipt.reverse_follow);
    assert_eq!(cut.map(|follow| follow.follower_id), Some(bob.id));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_at_once_exactly_one_makes_the_block() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let mut calls = JoinSet::new();
    for _ in 0..16 {
        let (mut client, user_id) = (app.social_graph(&alice), bob.id);
        calls.spawn(async move {
            let request = BlockUserRequest {
                user_id,
                allow_existing: true,
            };
            answer(client.block_user(request).await)
        });
    }
    let answers = calls.join_all().await;
    assert_eq!(answers.iter().filter(|answer| !answer.existing).count(), 1);
    assert!(answers.iter().all(|answer| answer.block == answers[0].block));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_can_be_blocked_and_one_who_is_not_there_cannot() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    deactivate(&app, &bob).await;
    block(&app, &alice, &bob).await;
    let refused = refusal(call(&app, &alice, 4711, false).await);
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_blocks_blocked_id_fkey"
    );
    execute(
        &app,
        &format!("DELETE FROM identity.users WHERE id = {}", alice.id),
    )
    .await;
    let refused = refusal(call(&app, &alice, bob.id, true).await);
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_blocks_blocker_id_fkey"
    );
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_blocks_itself_and_an_id_is_greater_than_zero() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let refused = refusal(call(&app, &alice, alice.id, true).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument SELF_BLOCK [user_id SELF_BLOCK]"
    );
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_blocks_no_self_block"
    );
    let refused = refusal(call(&app, &alice, 0, false).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_by_itself_blocks_nobody() {
    let app = TestApp::start().await;
    let refused = refusal(call(&app, &app.operator(&[]), 1, false).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
}
