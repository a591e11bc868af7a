use std::sync::Arc;

use kith_contracts::social_graph::v1::send_friend_request_response::Result as Sent;
use kith_contracts::social_graph::v1::{
    DeclineFriendRequestRequest, SendFriendRequestOutcome as Outcome, SendFriendRequestRequest,
    SendFriendRequestResponse,
};
use kith_social_graph::FriendSettings;
use kith_testkit::{AppOptions, Refusal, TestApp, TestUser, count};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::graph::{ask, befriend, block, relationship, send};
use crate::support::{Uncommitted, answer, crowd, deactivate, execute, follow, refusal};

async fn two(app: &TestApp) -> (TestUser, TestUser) {
    let mut users = app.users(&["alice", "bob"]).await.into_iter();
    let pair = users.next().zip(users.next());
    pair.expect("two users")
}

async fn sent(app: &TestApp, from: &TestUser, to: &TestUser) -> SendFriendRequestResponse {
    answer(send(app, from, to, false).await)
}

async fn refused(app: &TestApp, from: &TestUser, to: &TestUser) -> Refusal {
    refusal(send(app, from, to, false).await)
}

async fn decline(app: &TestApp, from: &TestUser, to: &TestUser) {
    let request = DeclineFriendRequestRequest {
        friend_request_id: ask(app, from, to).await.id,
        allow_missing: false,
    };
    answer(app.social_graph(to).decline_friend_request(request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_made_with_its_note() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let note = "\u{1f600}".repeat(200);
    let request = SendFriendRequestRequest {
        user_id: bob.id,
        note: note.clone(),
        allow_existing: false,
    };
    let answer = answer(app.social_graph(&alice).send_friend_request(request).await);
    assert_eq!(answer.outcome(), Outcome::Created);
    let Some(Sent::FriendRequest(made)) = answer.result else {
        panic!("no request: {answer:?}");
    };
    assert_eq!(
        (made.from_user_id, made.to_user_id, made.note),
        (alice.id, bob.id, note)
    );
    assert!(made.id > 0 && made.create_time.is_some());
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_ask_who_has_asked_is_to_become_friends() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    ask(&app, &alice, &bob).await;
    let answer = sent(&app, &bob, &alice).await;
    assert_eq!(answer.outcome(), Outcome::BecameFriends);
    let Some(Sent::Friendship(friendship)) = answer.result else {
        panic!("no friendship: {answer:?}");
    };
    assert_eq!((friendship.user_id, friendship.friend_id), (bob.id, alice.id));
    assert_eq!(
        relationship(&app, &bob, &alice).await.friendship,
        Some(friendship)
    );
    assert_eq!(count(&app, "social_graph.friend_requests").await, 0);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_has_asked_already() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let first = ask(&app, &alice, &bob).await;
    let refused = refused(&app, &alice, &bob).await;
    assert_eq!(refused.summary(), "AlreadyExists FRIEND_REQUEST_EXISTS []");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_friend_requests_pair_key"
    );
    let again = answer(send(&app, &alice, &bob, true).await);
    assert_eq!(again.outcome(), Outcome::Existing);
    assert_eq!(again.result, Some(Sent::FriendRequest(first)));
}

#[tokio::test(flavor = "multi_thread")]
async fn friends_are_friends_already() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let friendship = befriend(&app, &alice, &bob).await;
    let refused = refused(&app, &alice, &bob).await;
    assert_eq!(refused.summary(), "AlreadyExists FRIENDSHIP_EXISTS []");
    assert_eq!(
        refused.metadata["constraint"],
        "social_graph_friend_requests_not_friends"
    );
    let again = answer(send(&app, &bob, &alice, true).await);
    assert_eq!(again.outcome(), Outcome::Existing);
    assert_eq!(again.result, Some(Sent::Friendship(friendship)));
    app.database.assert_invariants().await;
}

const PAIRS: usize = 40;

/// What somebody is told who asks: the outcome, or the reason of the refusal.
async fn told(app: &TestApp, from: &TestUser, to: &TestUser) -> String {
    match send(app, from, to, false).await {
        Ok(answer) => format!("{:?}", answer.into_inner().outcome()),
        Err(status) => Refusal::of(&status).reason,
    }
}

/// Both of each pair ask each other, released together. What the two were told, or the reasons of their refusals, in order.
async fn crossing(app: &Arc<TestApp>) -> Vec<[String; 2]> {
    let (ones, others) = (crowd(app, "one", PAIRS).await, crowd(app, "other", PAIRS).await);
    let (mut calls, barrier) = (JoinSet::new(), Arc::new(Barrier::new(2 * PAIRS)));
    for (place, (one, other)) in ones.into_iter().zip(others).enumerate() {
        for (from, to) in [(one.clone(), other.clone()), (other, one)] {
            let (app, barrier) = (Arc::clone(app), Arc::clone(&barrier));
            calls.spawn(async move {
                barrier.wait().await;
                (place, told(&app, &from, &to).await)
            });
        }
    }
    let mut told = calls.join_all().await;
    told.sort();
    let pairs = told.chunks(2);
    pairs.map(|pair| [pair[0].1.clone(), pair[1].1.clone()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_ask_each_other_at_once_exactly_one_is_told_that_they_became_friends() {
    let mut app = Arc::new(TestApp::start().await);
    for told in crossing(&app).await {
        assert_eq!(told, ["BecameFriends", "Created"]);
    }
    assert_eq!(count(&app, "social_graph.friendships").await, 2 * 40);
    app.database.assert_invariants().await;
    Arc::get_mut(&mut app)
        .expect("the callers are gone")
        .shut_down()
        .await;
    assert_eq!(app.database.deadlocks().await, 0);
}

/// Keeps all requests from being written, while whoever looks for some finds those that are committed.
const NO_REQUESTS: &str = "LOCK TABLE social_graph.friend_requests IN SHARE MODE";

/// Two calls, neither of which can write a request before both have come as far as they can.
async fn in_step<T>(app: &TestApp, one: impl Future<Output = T>, other: impl Future<Output = T>) -> (T, T) {
    let mut held = Uncommitted::begin(app, NO_REQUESTS).await;
    let let_go = async {
        held.until_so_many_wait(2).await;
        held.commit().await;
    };
    let (one, other, ()) = tokio::join!(one, other, let_go);
    (one, other)
}

/// What two are told who ask each other in step, in order.
async fn crossing_in_step(app: &TestApp) -> [String; 2] {
    let (alice, bob) = two(app).await;
    let (forth, back) = in_step(app, told(app, &alice, &bob), told(app, &bob, &alice)).await;
    let mut told = [forth, back];
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_looks_for_the_others_request_when_that_is_committed() {
    let app = TestApp::start().await;
    assert_eq!(crossing_in_step(&app).await, ["BecameFriends", "Created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_pairs_lock_it_looks_too_early_and_is_refused() {
    let app = TestApp::start().await;
    let no_lock = "CREATE OR REPLACE FUNCTION social_graph.pair_lock(one bigint, other bigint) RETURNS void
        LANGUAGE sql RETURN NULL";
    execute(&app, no_lock).await;
    assert_eq!(crossing_in_step(&app).await, ["Created", "FRIEND_REQUEST_EXISTS"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_declined_cannot_ask_again_for_some_time() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    decline(&app, &alice, &bob).await;
    for allow_existing in [false, true] {
        let refused = refusal(send(&app, &alice, &bob, allow_existing).await);
        assert_eq!(refused.summary(), "FailedPrecondition FRIEND_REQUEST_DECLINED []");
        assert!(refused.retry && refused.metadata.is_empty());
    }
    execute(
        &app,
        "UPDATE social_graph.friend_request_declines SET expires_at = now()",
    )
    .await;
    ask(&app, &alice, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_declined_may_ask_and_so_lifts_the_decline() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    decline(&app, &alice, &bob).await;
    let request = ask(&app, &bob, &alice).await;
    assert_eq!(count(&app, "social_graph.friend_request_declines").await, 0);
    assert_eq!(sent(&app, &alice, &bob).await.outcome(), Outcome::BecameFriends);
    assert_eq!(request.from_user_id, bob.id);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decline_in_one_direction_is_none_in_the_other_nor_of_others() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    decline(&app, &users[0], &users[1]).await;
    ask(&app, &users[0], &users[2]).await;
    ask(&app, &users[2], &users[1]).await;
    assert_eq!(
        refused(&app, &users[0], &users[1]).await.reason,
        "FRIEND_REQUEST_DECLINED"
    );
    ask(&app, &users[1], &users[0]).await;
}

async fn with_limit(max_open_requests: u32) -> Arc<TestApp> {
    let options = AppOptions {
        friends: FriendSettings {
            max_open_requests,
            ..FriendSettings::default()
        },
        ..AppOptions::default()
    };
    Arc::new(TestApp::start_with(options).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn open_requests_are_limited_and_the_quota_is_told() {
    let app = with_limit(2).await;
    let users = crowd(&app, "u", 5).await;
    ask(&app, &users[0], &users[1]).await;
    ask(&app, &users[0], &users[2]).await;
    let status = send(&app, &users[0], &users[3], false)
        .await
        .expect_err("too many");
    assert_eq!(
        Refusal::of(&status).summary(),
        "ResourceExhausted FRIEND_REQUESTS_EXHAUSTED []"
    );
    let details = String::from_utf8_lossy(status.details()).into_owned();
    assert!(details.contains("QuotaFailure") && details.contains(&format!("users/{}", users[0].id)));
    // Requests of others do not count, nor do those that were answered, and who was asked may always say yes.
    ask(&app, &users[3], &users[0]).await;
    assert_eq!(
        sent(&app, &users[0], &users[3]).await.outcome(),
        Outcome::BecameFriends
    );
    assert_eq!(
        sent(&app, &users[1], &users[0]).await.outcome(),
        Outcome::BecameFriends
    );
    ask(&app, &users[0], &users[4]).await;
    app.database.assert_invariants().await;
}

/// How many of forty requests of one user are made that are sent at the same time, where ten may be open.
async fn made_at_once(app: &Arc<TestApp>) -> usize {
    let (alice, others) = (app.user("alice").await, crowd(app, "u", 40).await);
    let (mut calls, barrier) = (JoinSet::new(), Arc::new(Barrier::new(40)));
    for other in others {
        let (app, alice, barrier) = (Arc::clone(app), alice.clone(), Arc::clone(&barrier));
        calls.spawn(async move {
            barrier.wait().await;
            send(&app, &alice, &other, false).await.is_ok()
        });
    }
    calls.join_all().await.into_iter().filter(|made| *made).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_however_many_are_sent_at_once() {
    let app = with_limit(10).await;
    assert_eq!(made_at_once(&app).await, 10);
    assert_eq!(count(&app, "social_graph.friend_requests").await, 10);
}

/// How many of two requests of one user are made in step, where one may be open.
async fn made_in_step(app: &TestApp) -> usize {
    let users = crowd(app, "u", 3).await;
    let made = async |to: &TestUser| usize::from(send(app, &users[0], to, false).await.is_ok());
    let (one, other) = in_step(app, made(&users[1]), made(&users[2])).await;
    one + other
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_counts_its_requests_when_they_are_committed() {
    let app = with_limit(1).await;
    assert_eq!(made_in_step(&app).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_senders_lock_it_counts_too_early_and_both_are_made() {
    let app = with_limit(1).await;
    let no_lock = "CREATE OR REPLACE FUNCTION social_graph.sender_lock(sender_id bigint) RETURNS void
        LANGUAGE sql RETURN NULL";
    execute(&app, no_lock).await;
    assert_eq!(made_in_step(&app).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_comes_meanwhile_refuses_it() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let block = format!(
        "INSERT INTO social_graph.blocks VALUES ({}, {})",
        bob.id, alice.id
    );
    let other = Uncommitted::begin(&app, &block).await;
    let (refused, ()) = tokio::join!(refused(&app, &alice, &bob), other.commit_under_a_waiting_call());
    assert_eq!(refused.summary(), "PermissionDenied INTERACTION_NOT_ALLOWED []");
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_goes_meanwhile_is_refused_like_one_who_was_never_there() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    let delete = format!("DELETE FROM identity.users WHERE id = {}", bob.id);
    let other = Uncommitted::begin(&app, &delete).await;
    let (meanwhile, ()) = tokio::join!(refused(&app, &alice, &bob), other.commit_under_a_waiting_call());
    assert_eq!(meanwhile.summary(), "NotFound USER_NOT_FOUND []");
    assert_eq!(
        meanwhile.metadata["constraint"],
        "social_graph_friend_requests_to_user_id_fkey"
    );
    assert_eq!(meanwhile, refused(&app, &alice, &bob).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_neither_asks_nor_is_asked() {
    let app = TestApp::start().await;
    let (alice, idle) = two(&app).await;
    deactivate(&app, &idle).await;
    for (from, to) in [(&alice, &idle), (&idle, &alice)] {
        let refused = refused(&app, from, to).await;
        assert_eq!(refused.summary(), "FailedPrecondition USER_INACTIVE []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{}", idle.id));
        assert_eq!(refused.resource, Some(resource));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_user_is_told_the_same_whoever_blocks() {
    let app = TestApp::start().await;
    let (alice, bob) = two(&app).await;
    follow(&app, &alice, &bob).await;
    block(&app, &alice, &bob).await;
    let (by_blocker, by_blocked) = (
        refused(&app, &alice, &bob).await,
        refused(&app, &bob, &alice).await,
    );
    assert_eq!(
        by_blocker.summary(),
        "PermissionDenied INTERACTION_NOT_ALLOWED []"
    );
    assert_eq!(by_blocker, by_blocked);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_told_at_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for (user_id, note, expected) in [
        (
            0,
            "a\0b".to_owned(),
            "ID_INVALID [user_id ID_INVALID, note FIELD_CONTAINS_NUL]",
        ),
        (
            alice.id,
            "x".repeat(201),
            "SELF_BEFRIEND [user_id SELF_BEFRIEND, note FIELD_TOO_LONG]",
        ),
        (4711, "x".repeat(201), "FIELD_TOO_LONG [note FIELD_TOO_LONG]"),
    ] {
        let request = SendFriendRequestRequest {
            user_id,
            note,
            allow_existing: false,
        };
        let refused = refusal(app.social_graph(&alice).send_friend_request(request).await);
        assert_eq!(refused.summary(), format!("InvalidArgument {expected}"));
    }
    let request = SendFriendRequestRequest {
        user_id: alice.id,
        ..Default::default()
    };
    let refused = refusal(
        app.social_graph(&app.operator(&[]))
            .send_friend_request(request)
            .await,
    );
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
}
