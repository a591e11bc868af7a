use std::collections::BTreeSet;

use kith_contracts::social_graph::v1::{ListFollowersRequest, ListFollowersResponse, ListFollowingRequest};
use kith_testkit::{Refusal, TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, crowd, execute, follow, follow_all, instant, pair, refusal};

async fn call(
    app: &TestApp,
    user_id: i64,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListFollowersResponse>, Status> {
    let request = ListFollowersRequest {
        user_id,
        page_size,
        page_token: page_token.to_owned(),
    };
    app.social_graph(&app.operator(&[])).list_followers(request).await
}

async fn page(app: &TestApp, user: &TestUser, page_size: i32, page_token: &str) -> (Vec<i64>, String) {
    let answer = answer(call(app, user.id, page_size, page_token).await);
    let ids = answer.follows.iter().map(|follow| follow.follower_id).collect();
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
async fn the_newest_follower_comes_first() {
    let app = TestApp::start().await;
    let star = app.user("star").await;
    let fans = crowd(&app, "fan", 3).await;
    for fan in [1, 0, 2] {
        follow(&app, &fans[fan], &star).await;
    }
    follow(&app, &star, &fans[0]).await;
    let answer = answer(call(&app, star.id, 0, "").await);
    let ids: Vec<i64> = answer.follows.iter().map(|follow| follow.follower_id).collect();
    assert_eq!(ids, [fans[2].id, fans[0].id, fans[1].id]);
    assert!(answer.follows.iter().all(|follow| follow.followed_id == star.id));
    assert!(
        answer
            .follows
            .is_sorted_by_key(|follow| std::cmp::Reverse(instant(follow)))
    );
}

/// Two batches, so that there are equal times within a page and across its end.
async fn star_with_seven_fans(app: &TestApp) -> (TestUser, Vec<i64>) {
    let star = app.user("star").await;
    let fans = crowd(app, "fan", 7).await;
    for fans in [&fans[..4], &fans[4..]] {
        follow_all(app, fans.iter().map(|fan| pair(fan.id, star.id)).collect()).await;
    }
    (star, fans.iter().rev().map(|fan| fan.id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_follower_once_in_order() {
    let app = TestApp::start().await;
    let (star, newest_first) = star_with_seven_fans(&app).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let pages = pages(&app, &star, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), newest_first, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_goes_with_any_page_size() {
    let app = TestApp::start().await;
    let (star, newest_first) = star_with_seven_fans(&app).await;
    let (first, token) = page(&app, &star, 2, "").await;
    let (rest, end) = page(&app, &star, 100, &token).await;
    assert_eq!((&newest_first[..2], &newest_first[2..]), (&first[..], &rest[..]));
    assert_eq!(end, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let star = app.user("star").await;
    let fans = crowd(&app, "fan", 101).await;
    follow_all(&app, fans.iter().map(|fan| pair(fan.id, star.id)).collect()).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        assert_eq!(page(&app, &star, size, "").await.0.len(), length, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_follower_comes_once_while_new_ones_arrive_and_one_leaves() {
    let app = TestApp::start().await;
    let star = app.user("star").await;
    let fans = crowd(&app, "fan", 205).await;
    follow_all(&app, fans.iter().map(|fan| pair(fan.id, star.id)).collect()).await;
    let late = crowd(&app, "late", 3).await;
    let (mut seen, mut token) = (Vec::new(), String::new());
    for (late, length) in late.iter().zip([100, 100, 5]) {
        let (ids, next) = page(&app, &star, 1000, &token).await;
        assert_eq!(ids.len(), length);
        follow(&app, late, &star).await;
        // The last of this page, at which the next one starts.
        let last = ids.last().copied().unwrap_or_default();
        let sql = format!("DELETE FROM social_graph.follows WHERE follower_id = {last}");
        execute(&app, &sql).await;
        seen.extend(ids);
        token = next;
    }
    assert_eq!((seen.len(), token.as_str()), (205, ""));
    let seen: BTreeSet<i64> = seen.into_iter().collect();
    assert_eq!(seen, fans.iter().map(|fan| fan.id).collect());
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_its_method() {
    let app = TestApp::start().await;
    let (star, ids) = star_with_seven_fans(&app).await;
    let (_, token) = page(&app, &star, 1, "").await;
    let bad = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";
    assert_eq!(refused(&app, ids[0], 1, &token).await.summary(), bad);
    for other in ["nonsense", " ", &token[1..], &format!("{token}=")] {
        assert_eq!(refused(&app, star.id, 1, other).await.summary(), bad, "{other:?}");
    }
    let request = ListFollowingRequest {
        user_id: star.id,
        page_size: 1,
        page_token: token,
    };
    let refused = refusal(app.social_graph(&star).list_following(request).await);
    assert_eq!(refused.summary(), bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    assert_eq!(
        refused(&app, 0, -1, "x").await.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_followers_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(page(&app, &alice, 0, "").await, (Vec::new(), String::new()));
    for id in [4711, i64::MAX] {
        let refused = refused(&app, id, 0, "").await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{id}"));
        assert_eq!(refused.resource, Some(resource));
    }
}
