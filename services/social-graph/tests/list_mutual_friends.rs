use kith_contracts::social_graph::v1::{ListMutualFriendsRequest, ListMutualFriendsResponse};
use kith_testkit::{Refusal, TestApp};
use tonic::{Response, Status};

use crate::support::{answer, befriend_all, crowd, deactivate, friend_pair, refusal};

async fn call(
    app: &TestApp,
    (user_id, other_user_id): (i64, i64),
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListMutualFriendsResponse>, Status> {
    let request = ListMutualFriendsRequest {
        user_id,
        other_user_id,
        page_size,
        page_token: page_token.to_owned(),
    };
    let caller = app.operator(&[]);
    app.social_graph(&caller).list_mutual_friends(request).await
}

async fn page(app: &TestApp, pair: (i64, i64), page_size: i32, page_token: &str) -> (Vec<i64>, String) {
    let answer = answer(call(app, pair, page_size, page_token).await);
    let ids = answer.mutual_friends.iter().map(|friend| friend.user_id);
    (ids.collect(), answer.next_page_token)
}

async fn refused(app: &TestApp, pair: (i64, i64), page_size: i32, page_token: &str) -> Refusal {
    refusal(call(app, pair, page_size, page_token).await)
}

/// The ids of users of whom the first two share those from the fourth to the last but one; the third is the first one's
/// alone, and the last the second one's alone. The two are friends themselves.
async fn two_with_friends(app: &TestApp, users: usize) -> Vec<i64> {
    let mut ids: Vec<i64> = crowd(app, "u", users).await.iter().map(|user| user.id).collect();
    ids.sort_unstable();
    let with = |user: i64, friends: &[i64]| {
        friends
            .iter()
            .map(|id| friend_pair(user, *id))
            .collect::<Vec<_>>()
    };
    let (one, other) = (with(ids[0], &ids[1..users - 1]), with(ids[1], &ids[3..]));
    befriend_all(app, [one, other].concat()).await;
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_the_friend_of_both_comes_by_id_whoever_is_named_first() {
    let app = TestApp::start().await;
    let ids = two_with_friends(&app, 8).await;
    for pair in [(ids[0], ids[1]), (ids[1], ids[0])] {
        assert_eq!(page(&app, pair, 0, "").await, (ids[3..7].to_vec(), String::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_oneself_all_friends_are_mutual() {
    let app = TestApp::start().await;
    let ids = two_with_friends(&app, 6).await;
    assert_eq!(page(&app, (ids[0], ids[0]), 0, "").await.0, ids[1..5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_friend_stays_a_friend() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    let pairs = [1, 2].map(|place| friend_pair(users[0].id, users[place].id));
    befriend_all(&app, pairs.to_vec()).await;
    deactivate(&app, &users[0]).await;
    assert_eq!(
        page(&app, (users[1].id, users[2].id), 0, "").await.0,
        [users[0].id]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_give_each_once_in_order() {
    let app = TestApp::start().await;
    let ids = two_with_friends(&app, 11).await;
    for (size, count) in [(1, 7), (3, 3), (7, 1), (8, 1)] {
        let (mut seen, mut pages, mut token) = (Vec::new(), 0, String::new());
        while pages == 0 || !token.is_empty() {
            let (ids, next) = page(&app, (ids[0], ids[1]), size, &token).await;
            (pages, token) = (pages + 1, next);
            seen.extend(ids);
        }
        assert_eq!((pages, &seen[..]), (count, &ids[3..10]), "pages of {size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_the_two_in_their_order() {
    let app = TestApp::start().await;
    let ids = two_with_friends(&app, 8).await;
    let (_, token) = page(&app, (ids[0], ids[1]), 1, "").await;
    for pair in [(ids[1], ids[0]), (ids[0], ids[2])] {
        assert_eq!(
            refused(&app, pair, 1, &token).await.summary(),
            "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    assert_eq!(
        refused(&app, (0, -1), -1, "x").await.summary(),
        "InvalidArgument ID_INVALID [user_id ID_INVALID, other_user_id ID_INVALID, page_size PAGE_SIZE_INVALID, \
         page_token PAGE_TOKEN_INVALID]"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_without_mutual_friends_have_an_empty_page_and_who_is_not_there_is_named() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    let [one, other] = [users[0].id, users[1].id];
    assert_eq!(page(&app, (one, other), 0, "").await, (Vec::new(), String::new()));
    for (pair, missing) in [
        ((one, 4711), 4711),
        ((4711, one), 4711),
        ((4712, 4711), 4712),
        ((4711, 4711), 4711),
    ] {
        let refused = refused(&app, pair, 0, "").await;
        assert_eq!(refused.summary(), "NotFound USER_NOT_FOUND []");
        let resource = ("kith.identity.v1.User".to_owned(), format!("users/{missing}"));
        assert_eq!(refused.resource, Some(resource), "{pair:?}");
    }
}
