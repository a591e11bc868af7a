use kith_contracts::posts::v1::{
    ListHomeTimelineRequest, ListHomeTimelineResponse, ListPostsRequest, Post, SharePostRequest,
    TimelineItem, UnsharePostRequest,
};
use kith_contracts::social_graph::v1::{
    FollowRequest, MuteUserRequest, UnblockUserRequest, UnfollowRequest, UnmuteUserRequest,
};
use kith_testkit::{TestApp, TestUser};
use tonic::{Response, Status};

use crate::support::{answer, block, execute, instant, post, refusal, reply};

pub(crate) async fn call(
    app: &TestApp,
    user: &TestUser,
    page_size: i32,
    page_token: &str,
) -> Result<Response<ListHomeTimelineResponse>, Status> {
    let request = ListHomeTimelineRequest {
        page_size,
        page_token: page_token.to_owned(),
    };
    app.posts(user).list_home_timeline(request).await
}

/// Every page, until there is none.
pub(crate) async fn pages(app: &TestApp, user: &TestUser, page_size: i32) -> Vec<Vec<TimelineItem>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    loop {
        let page = answer(call(app, user, page_size, &token).await);
        pages.push(page.items);
        if page.next_page_token.is_empty() {
            return pages;
        }
        token = page.next_page_token;
    }
}

/// What the first page shows: each post, and who shared it.
async fn shown(app: &TestApp, user: &TestUser) -> Vec<(i64, Vec<i64>)> {
    let items = answer(call(app, user, 0, "").await).items;
    items
        .into_iter()
        .map(|item| (id(&item), item.sharer_ids))
        .collect()
}

async fn shown_ids(app: &TestApp, user: &TestUser) -> Vec<i64> {
    shown(app, user).await.into_iter().map(|(id, _)| id).collect()
}

pub(crate) fn id(item: &TimelineItem) -> i64 {
    item.post.as_ref().expect("a post").id
}

async fn follow(app: &TestApp, follower: &TestUser, followed: &[&TestUser]) {
    for followed in followed {
        let request = FollowRequest {
            user_id: followed.id,
            allow_existing: false,
        };
        answer(app.social_graph(follower).follow(request).await);
    }
}

/// Answers when it was shared.
async fn share(app: &TestApp, user: &TestUser, post: &Post) -> (i64, i32) {
    let request = SharePostRequest {
        post_id: post.id,
        allow_existing: false,
    };
    let share = answer(app.posts(user).share_post(request).await).share;
    instant(share.expect("a share").create_time)
}

async fn mute(app: &TestApp, muter: &TestUser, muted: &TestUser) {
    let request = MuteUserRequest {
        user_id: muted.id,
        ..Default::default()
    };
    answer(app.social_graph(muter).mute_user(request).await);
}

/// A viewer who follows two friends, and a stranger.
async fn four(app: &TestApp) -> [TestUser; 4] {
    let users = app.users(&["viewer", "friend", "mate", "stranger"]).await;
    let [viewer, friend, mate, stranger] = users.try_into().expect("four");
    follow(app, &viewer, &[&friend, &mate]).await;
    [viewer, friend, mate, stranger]
}

#[tokio::test(flavor = "multi_thread")]
async fn own_posts_and_those_of_followed_people_come_newest_first_as_the_caller_sees_them() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, stranger] = four(&app).await;
    assert_eq!(shown(&app, &viewer).await, []);
    let mut posts = Vec::new();
    for author in [&friend, &viewer, &stranger, &mate, &friend] {
        posts.push(post(&app, author, "hello #all").await);
    }
    posts.remove(2);
    posts.reverse();
    let expected = posts.into_iter().map(|post| TimelineItem {
        position_time: post.create_time,
        post: Some(post),
        sharer_ids: Vec::new(),
    });
    let page = answer(call(&app, &viewer, 0, "").await);
    assert_eq!(page.items, expected.collect::<Vec<_>>());
    assert_eq!(page.next_page_token, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_post_stands_once_where_the_first_followed_person_shared_it() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, stranger] = four(&app).await;
    let shared = post(&app, &stranger, "good").await;
    let between = post(&app, &friend, "in between").await;
    share(&app, &stranger, &shared).await;
    let first = share(&app, &mate, &shared).await;
    let later = post(&app, &friend, "later").await;
    share(&app, &friend, &shared).await;
    let item = answer(call(&app, &viewer, 0, "").await).items.remove(1);
    assert_eq!(instant(item.position_time), first);
    let expected = [
        (later.id, vec![]),
        (shared.id, vec![mate.id, friend.id]),
        (between.id, vec![]),
    ];
    assert_eq!(shown(&app, &viewer).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_post_of_somebody_followed_and_of_the_viewer_stays_where_it_was_made() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, _] = four(&app).await;
    let shared = post(&app, &friend, "good").await;
    let own = post(&app, &viewer, "mine").await;
    let later = post(&app, &friend, "later").await;
    for post in [&shared, &own] {
        share(&app, &mate, post).await;
    }
    share(&app, &friend, &own).await;
    share(&app, &viewer, &own).await;
    let expected = [
        (later.id, vec![]),
        (own.id, vec![mate.id, friend.id]),
        (shared.id, vec![mate.id]),
    ];
    assert_eq!(shown(&app, &viewer).await, expected);
}

/// Whose it is makes no difference: what somebody passes on is worth seeing.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_there_only_where_somebody_followed_shared_it() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, stranger] = four(&app).await;
    let top = post(&app, &friend, "top").await;
    let mut replies = Vec::new();
    for author in [&friend, &viewer, &stranger] {
        replies.push(reply(&app, author, &top, "reply").await);
    }
    let later = post(&app, &friend, "later").await;
    for sharer in [&viewer, &stranger] {
        share(&app, sharer, &replies[0]).await;
    }
    assert_eq!(shown_ids(&app, &viewer).await, [later.id, top.id]);
    for reply in &replies {
        share(&app, &mate, reply).await;
    }
    let ids = [&replies[2], &later, &replies[1], &replies[0], &top].map(|post| post.id);
    assert_eq!(shown_ids(&app, &viewer).await, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfollowing_blocking_and_muting_an_author_act_at_the_next_read() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, stranger] = four(&app).await;
    let by_friend = post(&app, &friend, "by friend").await.id;
    let shared = post(&app, &stranger, "shared").await;
    share(&app, &mate, &shared).await;
    assert_eq!(shown_ids(&app, &viewer).await, [shared.id, by_friend]);

    mute(&app, &viewer, &friend).await;
    assert_eq!(shown_ids(&app, &viewer).await, [shared.id]);
    mute(&app, &viewer, &stranger).await;
    assert_eq!(shown_ids(&app, &viewer).await, [0; 0]);
    for user_id in [friend.id, stranger.id] {
        let request = UnmuteUserRequest {
            user_id,
            allow_missing: false,
        };
        answer(app.social_graph(&viewer).unmute_user(request).await);
    }
    assert_eq!(shown_ids(&app, &viewer).await, [shared.id, by_friend]);

    block(&app, &viewer, &stranger).await;
    assert_eq!(shown_ids(&app, &viewer).await, [by_friend]);
    let request = UnblockUserRequest {
        user_id: stranger.id,
        allow_missing: false,
    };
    answer(app.social_graph(&viewer).unblock_user(request).await);
    assert_eq!(shown_ids(&app, &viewer).await, [shared.id, by_friend]);

    let request = UnfollowRequest {
        user_id: friend.id,
        allow_missing: false,
    };
    answer(app.social_graph(&viewer).unfollow(request).await);
    assert_eq!(shown_ids(&app, &viewer).await, [shared.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_acts_on_the_first_sharer_leaves_the_post_to_the_next() {
    let app = TestApp::start().await;
    let [viewer, friend, mate, stranger] = four(&app).await;
    let shared = post(&app, &stranger, "shared").await;
    for sharer in [&friend, &mate] {
        share(&app, sharer, &shared).await;
    }
    assert_eq!(
        shown(&app, &viewer).await,
        [(shared.id, vec![friend.id, mate.id])]
    );
    mute(&app, &viewer, &friend).await;
    assert_eq!(shown(&app, &viewer).await, [(shared.id, vec![mate.id])]);
    let request = UnsharePostRequest {
        post_id: shared.id,
        allow_missing: false,
    };
    answer(app.posts(&mate).unshare_post(request).await);
    assert_eq!(shown(&app, &viewer).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_ten_sharers_are_named() {
    let app = TestApp::start().await;
    let names: Vec<String> = (0..12).map(|number| format!("sharer{number}")).collect();
    let sharers = app
        .users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let [viewer, friend, ..] = four(&app).await;
    follow(&app, &viewer, &sharers.iter().collect::<Vec<_>>()).await;
    let shared = post(&app, &friend, "shared").await;
    for sharer in sharers.iter().rev() {
        share(&app, sharer, &shared).await;
    }
    let first: Vec<i64> = sharers.iter().rev().take(10).map(|user| user.id).collect();
    assert_eq!(shown(&app, &viewer).await, [(shared.id, first)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_when_nothing_is_said_and_a_hundred_at_most() {
    let app = TestApp::start().await;
    let viewer = app.user("viewer").await;
    let posts = format!(
        "INSERT INTO posts.posts (author_id, content) SELECT {}, 'post' FROM generate_series(1, 101)",
        viewer.id
    );
    execute(&app, &posts).await;
    for (size, length) in [(0, 50), (1, 1), (100, 100), (101, 100), (i32::MAX, 100)] {
        let page = answer(call(&app, &viewer, size, "").await);
        assert_eq!(page.items.len(), length, "{size}");
        assert_ne!(page.next_page_token, "", "{size}");
    }
    let lengths: Vec<usize> = pages(&app, &viewer, 100).await.iter().map(Vec::len).collect();
    assert_eq!(lengths, [100, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_belongs_to_its_user_and_its_method() {
    let app = TestApp::start().await;
    let [viewer, friend, ..] = four(&app).await;
    for content in ["one", "two"] {
        post(&app, &friend, content).await;
    }
    let token = answer(call(&app, &viewer, 1, "").await).next_page_token;
    let bad = "InvalidArgument PAGE_TOKEN_INVALID [page_token PAGE_TOKEN_INVALID]";
    assert_eq!(refusal(call(&app, &friend, 1, &token).await).summary(), bad);
    let request = ListPostsRequest {
        page_size: 1,
        page_token: token,
    };
    let refused = refusal(app.posts(&viewer).list_posts(request).await);
    assert_eq!(refused.summary(), bad);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_told_at_once_in_field_order() {
    let app = TestApp::start().await;
    let viewer = app.user("viewer").await;
    assert_eq!(
        refusal(call(&app, &viewer, -1, "x").await).summary(),
        "InvalidArgument PAGE_SIZE_INVALID [page_size PAGE_SIZE_INVALID, page_token PAGE_TOKEN_INVALID]"
    );
}
