use std::collections::BTreeSet;

use kith_contracts::social_graph::v1::{ListFollowersRequest, ListFollowingRequest, ListFollowingResponse};
use kith_testkit::{Refusal, TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, crowd, execute, follow, follow_all, instant, pair, refusal};

async fn call(
    app: &TestApp,
    user_id: i64,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListFollowingResponse>, Status> {
    let request = ListFollowingRequest {
        user_id,
        page_size,
        page_token: page_token.to_owned(),
    };
    app.social_graph(&app.operator(&[])).list_following(request).await
}

async fn page(app: &TestApp, user: &TestUser, page_size: i32, page_token: &str) -> (Vec<i64>, String) {
    let answer = answer(call(app, user.id, page_size, page_token).await);
    let ids = answer.follows.iter().map(|follow| follow.followed_id).collect();
    (ids, answer.next_page_token)
}

/// Every page, until there is none.
async fn pages(app: &TestApp, user: &TestUser, page_size: i32) -> Vec<Vec<i64>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let (ids, next) = page(app, user, page_size, &token).await;
        pages.push(ids);
        if next.is_empty() {
            return pages;
        }
        token = next;
    }
}

async fn refused(app: &TestApp, user_id: i64, page_size: i32, page_token: &str) -> Refusal {
    refusal(call(app, user_id, page_size, page_token).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_follow_comes_first() {
    let app = TestApp::start().await;
    let fan = app.user("fan").await;
    let stars = crowd(&app, "star", 3).await;
    for star in [1, 0, 2] {
        follow(&app, &fan, &stars[star]).await;
    }
    follow(&app, &stars[0], &fan).await;
    let answer = answer(call(&app, fan.id, 0, "").await);
    let ids: Vec<i64> = answer.follows.iter().map(|follow| follow.followed_id).collect();
    assert_eq!(ids, [stars[2].id, stars[0].id, stars[1].id]);
    assert!(answer.follows.iter().all(|follow| follow.follower_id == fan.id));
    assert!(
        answer
            .follows
            .is_sorted_by_key(|follow| std::cmp::Reverse(instant(follow)))
    );
}

/// Two batches, so that there are equal times within a page and across its end.
async fn fan_of_seven_stars(app: &TestApp) -> (TestUser, Vec<i64>) {
    let fan = app.user("fan").await;
    let stars = crowd(app, "star", 7).await;
    for stars in [&stars[..4], &stars[4..]] {
        follow_all(app, stars.iter().map(|star| pair(fan.id, star.id)).collect()).await;
    }
    (fan, stars.iter().rev().map(|star| star.id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_followed_once_in_order() {
    let app = TestApp::start().await;
    let (fan, newest_first) = fan_of_seven_stars(&app).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let pages = pages(&app, &fan, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), newest_first, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let fan = app.user("fan").await;
    let stars = crowd(&app, "star", 101).await;
    follow_all(&app, stars.iter().map(|star| pair(fan.id, star.id)).collect()).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        assert_eq!(page(&app, &fan, size, "").await.0.len(), length, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_followed_comes_once_while_new_ones_arrive_and_one_leaves() {
    let app = TestApp::start().await;
    let fan = app.user("fan").await;
    let stars = crowd(&app, "star", 205).await;
    follow_all(&app, stars.iter().map(|star| pair(fan.id, star.id)).collect()).await;
    let late = crowd(&app, "late", 3).await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    for (late, length) in late.iter().zip([100, 100, 5]) {
        let (ids, next) = page(&app, &fan, 1000, &token).await;
        assert_eq!(ids.len(), length);
        follow(&app, &fan, late).await;
        // The last of this page, at which the next one starts.
        let last = ids.last().copied().unwrap_or_default();
        let sql = format!("DELETE FROM social_graph.follows WHERE followed_id = {last}");
        execute(&app, &sql).await;
        seen.extend(ids);
        token = next;
    }
    assert_eq!((seen.len(), token.as_str()), (205, ""));
    let seen: BTreeSet<i64> = seen.into_iter().collect();
    assert_eq!(seen, stars.iter().map(|star| star.id).collect());
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_its_method() {
    let app = TestApp::start().await;
    let (fan, ids) = fan_of_seven_stars(&app).await;
    let (_, token) = page(&app, &fan, 1, "").await;
    let bad = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";
    assert_eq!(refused(&app, ids[0], 1, &token).await.summary(), bad);
    assert_eq!(refused(&app, fan.id, 1, "nonsense").await.summary(), bad);
    let request = ListFollowersRequest {
        user_id: fan.id,
        page_size: 1,
        page_token: token,
    };
    let refused = refusal(app.social_graph(&fan).list_followers(request).await);
    assert_eq!(refused.summary(), bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    assert_eq!(
        refused(&app, -1, -1, "x").await.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_follows_nobody_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(page(&app, &alice, 0, "").await, (Vec::new(), String::new()));
    let refused = refused(&app, 4711, 0, "").await;
    assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
    let resource = ("kith.identity.v1.User".to_owned(), "users/4711".to_owned());
    assert_eq!(refused.resource, Some(resource));
}
