use kith_contracts::social_graph::v1::{
    CounterDrift, RepairCountersRequest, VerifyCountersRequest, VerifyCountersResponse,
};
use kith_testkit::TestApp;
use tonic::{Response, Status};

use crate::support::{
    REPAIR, Uncommitted, answer, count_follows, crowd, drift, drifts, follow, follow_all, pair, refusal,
    spoil,
};

type Called = Result<Response<VerifyCountersResponse>, Status>;

async fn call(app: &TestApp, page_size: i32, page_token: &str) -> Called {
    let request = VerifyCountersRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    let operator = app.operator(&[REPAIR]);
    app.social_graph(&operator).verify_counters(request).await
}

/// Every page, until there is none.
async fn walk(app: &TestApp, page_size: i32) -> (Vec<CounterDrift>, Vec<i64>) {
    let (mut drifts, mut users, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = answer(call(app, page_size, &token).await);
        drifts.extend(page.drifts);
        users.push(page.verified_users);
        if page.next_page_token.is_empty() {
            return (drifts, users);
        }
        token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_equal_their_rows_are_no_drift() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    follow(&app, &users[0], &users[1]).await;
    // The third never followed nor was followed: it has no row.
    assert_eq!(walk(&app, 0).await, (Vec::new(), vec![3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_drift_is_found_with_what_was_counted_and_what_is_there() {
    let app = TestApp::start().await;
    let ids: Vec<i64> = crowd(&app, "u", 4).await.iter().map(|user| user.id).collect();
    follow_all(
        &app,
        vec![pair(ids[0], ids[1]), pair(ids[2], ids[1]), pair(ids[3], ids[0])],
    )
    .await;
    let nobody = ids[3] + 1000;
    spoil(
        &app,
        &format!(
            "UPDATE social_graph.follow_counts SET following = 9 WHERE user_id = {}",
            ids[0]
        ),
    )
    .await;
    spoil(
        &app,
        &format!(
            "DELETE FROM social_graph.follow_counts WHERE user_id = {}",
            ids[1]
        ),
    )
    .await;
    spoil(
        &app,
        &format!("INSERT INTO social_graph.follow_counts VALUES ({nobody}, 1, 0), (-7, 0, 0)"),
    )
    .await;
    let expected = [
        drift(-7, (0, 0), (0, 0)),
        drift(ids[0], (1, 9), (1, 1)),
        drift(ids[1], (0, 0), (2, 0)),
        drift(nobody, (1, 0), (0, 0)),
    ];
    assert_eq!(walk(&app, 0).await, (expected.to_vec(), vec![4]));
    // To look is not to touch.
    assert_eq!(drifts(&app).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_look_at_each_user_once() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 7).await;
    follow(&app, &users[5], &users[1]).await;
    spoil(
        &app,
        "UPDATE social_graph.follow_counts SET followers = followers + 1",
    )
    .await;
    let expected = [
        drift(users[1].id, (2, 0), (1, 0)),
        drift(users[5].id, (1, 1), (0, 1)),
    ];
    for (size, pages) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (7, vec![7]), (1000, vec![7])] {
        assert_eq!(
            walk(&app, size).await,
            (expected.to_vec(), pages),
            "pages of {size}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_hundred_users_at_most() {
    let app = TestApp::start().await;
    crowd(&app, "u", 101).await;
    assert_eq!(walk(&app, 0).await.1, [50, 50, 1]);
    assert_eq!(walk(&app, i32::MAX).await.1, [100, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_of_nobody_do_not_make_a_page_longer() {
    let app = TestApp::start().await;
    let last = crowd(&app, "u", 2).await[1].id;
    spoil(
        &app,
        &format!(
            "INSERT INTO social_graph.follow_counts SELECT {last} + n, 0, 1 FROM generate_series(1, 250) AS n"
        ),
    )
    .await;
    let page = answer(call(&app, 100, "").await);
    assert_eq!((page.drifts.len(), page.verified_users), (98, 2));
    assert_eq!(walk(&app, 100).await.0.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_that_is_not_committed_yet_is_no_drift() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    let stays = follow(&app, &users[0], &users[1]).await;
    for change in [
        format!(
            "INSERT INTO social_graph.follows VALUES ({}, {})",
            users[2].id, users[1].id
        ),
        format!(
            "DELETE FROM social_graph.follows WHERE follower_id = {}",
            stays.follower_id
        ),
    ] {
        let _open = Uncommitted::begin(&app, &change).await;
        assert_eq!(walk(&app, 0).await.0, [], "{change}");
    }
    assert_eq!(count_follows(&app, "true").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_and_a_token_belongs_to_its_method() {
    let app = TestApp::start().await;
    crowd(&app, "u", 2).await;
    assert_eq!(
        refusal(call(&app, -1, "x").await).summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
    let token = answer(call(&app, 1, "").await).next_page_token;
    let request = RepairCountersRequest {
        page_size: 1,
        page_token: token,
    };
    let operator = app.operator(&[REPAIR]);
    let refused = refusal(app.social_graph(&operator).repair_counters(request).await);
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
    let refused = refusal(app.social_graph(&user).verify_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied CALLER_NOT_ALLOWED []");
    let importer = app.operator(&[crate::support::IMPORT]);
    let refused = refusal(app.social_graph(&importer).verify_counters(request()).await);
    assert_eq!(refused.summary(), "PermissionDenied SCOPE_MISSING []");
}
