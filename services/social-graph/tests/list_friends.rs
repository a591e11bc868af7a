use kith_contracts::social_graph::v1::{
    Friendship, ListFollowersRequest, ListFriendsRequest, ListFriendsResponse,
};
use kith_testkit::{Refusal, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, befriend_all, crowd, friend_pair, refusal};

async fn call(
    app: &TestApp,
    user_id: i64,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListFriendsResponse>, Status> {
    let request = ListFriendsRequest {
        user_id,
        page_size,
        page_token: page_token.to_owned(),
    };
    app.social_graph(&app.operator(&[])).list_friends(request).await
}

async fn page(app: &TestApp, user_id: i64, page_size: i32, page_token: &str) -> (Vec<i64>, String) {
    let answer = answer(call(app, user_id, page_size, page_token).await);
    let ids = answer.friendships.iter().map(|friendship| friendship.friend_id);
    (ids.collect(), answer.next_page_token)
}

/// Every page, until there is none.
async fn pages(app: &TestApp, user_id: i64, page_size: i32) -> Vec<Vec<i64>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let (ids, next) = page(app, user_id, page_size, &token).await;
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

/// The ids of seven users, of whom the first has the others for friends, newest first. They were made in two batches, so
/// that there are equal times within a page and across its end.
async fn seven(app: &TestApp) -> (i64, Vec<i64>) {
    let ids: Vec<i64> = crowd(app, "u", 7).await.iter().map(|user| user.id).collect();
    for friends in [&ids[1..5], &ids[5..]] {
        befriend_all(
            app,
            friends
                .iter()
                .map(|friend| friend_pair(ids[0], *friend))
                .collect(),
        )
        .await;
    }
    (ids[0], ids[1..].iter().rev().copied().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_have_the_friendship_each_from_its_side_since_the_same_time() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let [one, other] = [users[0].id, users[1].id];
    let made = befriend_all(&app, vec![friend_pair(other, one)]).await;
    let create_time = made[0].create_time;
    for (user_id, friend_id) in [(one, other), (other, one)] {
        let friendship = Friendship {
            user_id,
            friend_id,
            create_time,
        };
        assert_eq!(answer(call(&app, user_id, 0, "").await).friendships, [friendship]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_friend_once_newest_first() {
    let app = TestApp::start().await;
    let (user, newest_first) = seven(&app).await;
    for (size, count) in [(1, 6), (4, 2), (6, 1), (7, 1)] {
        let pages = pages(&app, user, size).await;
        assert_eq!(pages.len(), count, "pages of {size}");
        assert_eq!(pages.concat(), newest_first, "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 102).await;
    let pairs = users[1..]
        .iter()
        .map(|friend| friend_pair(users[0].id, friend.id));
    befriend_all(&app, pairs.collect()).await;
    for (size, length) in [(0, 50), (100, 100), (101, 100), (i32::MAX, 100)] {
        assert_eq!(page(&app, users[0].id, size, "").await.0.len(), length, "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_its_method() {
    let app = TestApp::start().await;
    let (user, friends) = seven(&app).await;
    let (_, token) = page(&app, user, 1, "").await;
    let bad = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";
    assert_eq!(refused(&app, friends[0], 1, &token).await.summary(), bad);
    let request = ListFollowersRequest {
        user_id: user,
        page_size: 1,
        page_token: token,
    };
    let refused = refusal(app.social_graph(&app.operator(&[])).list_followers(request).await);
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
async fn a_user_without_friends_has_an_empty_page_and_an_unknown_one_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    assert_eq!(page(&app, alice.id, 0, "").await, (Vec::new(), String::new()));
    for id in [4711, i64::MAX] {
        let refused = refused(&app, id, 0, "").await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{id}"));
        assert_eq!(refused.resource, Some(resource));
    }
}
