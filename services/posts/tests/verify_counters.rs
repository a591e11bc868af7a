use kith_contracts::posts::v1::{
    CounterDrift, RepairCountersRequest, VerifyCountersRequest, VerifyCountersResponse,
};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::counters::{REPAIR, drift, drifts, spoil};
use crate::reactions::Reaction;
use crate::support::{Uncommitted, answer, post, refusal, reply};

type Called = Result<Response<VerifyCountersResponse>, Status>;

async fn call(app: &TestApp, page_size: i32, page_token: &str) -> Called {
    let request = VerifyCountersRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let operator = app.operator(&[REPAIR]);
    app.posts(&operator).verify_counters(request).await
}

/// Every page, until there is none.
async fn walk(app: &TestApp, page_size: i32) -> (Vec<CounterDrift>, Vec<i64>) {
    let (mut drifts, mut posts, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = answer(call(app, page_size, &token).await);
        drifts.extend(page.drifts);
        posts.push(page.verified_posts);
        if page.next_page_token.is_empty() {
            return (drifts, posts);
        }
        token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_equal_their_rows_are_no_drift() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    let first = post(&app, &users[0], "hello").await;
    reply(&app, &users[1], &first, "hi").await;
    Reaction::Like.made(&app, &users[1], &first).await;
    Reaction::Share.made(&app, &users[1], &first).await;
    assert_eq!(walk(&app, 0).await, (Vec::new(), vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_drift_is_found_with_what_was_counted_and_what_is_there() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut ids = Vec::new();
    for content in ["one", "two", "three", "four"] {
        let post = post(&app, &alice, content).await;
        Reaction::Like.made(&app, &alice, &post).await;
        ids.push(post.id);
    }
    for (id, change) in ids.iter().zip([
        "likes_count = 9",
        "comment_count = 2",
        "shares_count = 3, likes_count = 0",
    ]) {
        spoil(&app, &format!("UPDATE posts.posts SET {change} WHERE id = {id}")).await;
    }
    let expected = [
        drift(ids[0], (9, 0, 0), (1, 0, 0)),
        drift(ids[1], (1, 2, 0), (1, 0, 0)),
        drift(ids[2], (0, 0, 3), (1, 0, 0)),
    ];
    assert_eq!(walk(&app, 0).await, (expected.to_vec(), vec![4]));
    // To look is not to touch.
    assert_eq!(drifts(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_look_at_each_post_once() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let post = post(&app, &alice, "hello").await;
        expected.push(drift(post.id, (number, 0, 0), (0, 0, 0)));
        let sql = format!(
            "UPDATE posts.posts SET likes_count = {number} WHERE id = {}",
            post.id
        );
        spoil(&app, &sql).await;
    }
    expected.remove(0);
    for (size, pages) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (7, vec![7]), (1000, vec![7])] {
        assert_eq!(
            walk(&app, size).await,
            (expected.clone(), pages),
            "pages of {size}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let sql = format!(
        "INSERT INTO posts.posts (author_id, content) SELECT {}, 'hello' FROM generate_series(1, 101)",
        alice.id
    );
    spoil(&app, &sql).await;
    assert_eq!(walk(&app, 0).await.1, [50, 50, 1]);
    assert_eq!(walk(&app, i32::MAX).await.1, [100, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_committed_yet_is_no_drift() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    let post = post(&app, &alice, "hello").await;
    Reaction::Share.made(&app, &alice, &post).await;
    for change in [
        format!("INSERT INTO posts.likes VALUES ({}, {})", post.id, alice.id),
        format!("DELETE FROM posts.shares WHERE post_id = {}", post.id),
    ] {
        let _open = Uncommitted::begin(&app, &change).await;
        assert_eq!(walk(&app, 0).await.0, [], "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_and_a_token_belongs_to_its_method() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    for content in ["one", "two"] {
        post(&app, &alice, content).await;
    }
    assert_eq!(
        refusal(call(&app, -1, "x").await).summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
    let request = RepairCountersRequest {
        page_size: 1,
        page_token: answer(call(&app, 1, "").await).next_page_token,
    };
    let operator = app.operator(&[REPAIR]);
    let refused = refusal(app.posts(&operator).repair_counters(request).await);
    assert_eq!(
        refused.summary(),
        "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_operators_with_another_scope_are_refused() {
    let app = TestApp::start().await;
    let user = app.user("alice").await;
    let request = VerifyCountersRequest::default;
    let refused = refusal(app.posts(&user).verify_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    let other = app.operator(&["social_graph.counters.repair"]);
    let refused = refusal(app.posts(&other).verify_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
}
