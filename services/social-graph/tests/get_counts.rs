use std::sync::Arc;

use kith_contracts::social_graph::v1::{Counts, FollowRequest, GetCountsRequest, UnfollowRequest};
use kith_testkit::{TestApp, TestUser};
use tokio::task::JoinSet;

use crate::support::{answer, count_follows, crowd, deactivate, drifts, follow, refusal};

async fn get(app: &TestApp, user: &TestUser) -> Counts {
    let request = GetCountsRequest { user_id: user.id };
    let answer = answer(app.social_graph(&app.operator(&[])).get_counts(request).await);
    answer.counts.expect("counts")
}

fn counts(user: &TestUser, followers_count: i64, following_count: i64) -> Counts {
    Counts {
        user_id: user.id,
        followers_count,
        following_count,
        friends_count: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_follow_are_counted() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    follow(&app, &users[0], &users[2]).await;
    follow(&app, &users[1], &users[2]).await;
    follow(&app, &users[2], &users[0]).await;
    assert_eq!(get(&app, &users[0]).await, counts(&users[0], 1, 1));
    assert_eq!(get(&app, &users[1]).await, counts(&users[1], 0, 1));
    assert_eq!(get(&app, &users[2]).await, counts(&users[2], 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_never_followed_nor_was_followed_has_none() {
    let app = TestApp::start().await;
    let alice = app.user("alice").await;
    deactivate(&app, &alice).await;
    assert_eq!(get(&app, &alice).await, counts(&alice, 0, 0));
}

/// Follows and unfollows somebody of `others` at random, again and again.
async fn waver(app: Arc<TestApp>, user: TestUser, others: Vec<i64>) {
    let mut client = app.social_graph(&user);
    for _ in 0..25 {
        let user_id = others[rand::random_range(0..others.len())];
        if rand::random() {
            let request = FollowRequest {
                user_id,
                allow_existing: true,
            };
            answer(client.follow(request).await);
        } else {
            let request = UnfollowRequest {
                user_id,
                allow_missing: true,
            };
            answer(client.unfollow(request).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_many_follows_and_unfollows_at_once_the_counts_are_the_rows() {
    let app = Arc::new(TestApp::start().await);
    let users = crowd(&app, "u", 6).await;
    let mut tasks = JoinSet::new();
    for user in &users {
        let ids = users.iter().map(|other| other.id);
        let others = ids.filter(|id| *id != user.id).collect();
        tasks.spawn(waver(Arc::clone(&app), user.clone(), others));
    }
    tasks.join_all().await;
    for user in &users {
        let followers = count_follows(&app, &format!("followed_id = {}", user.id)).await;
        let following = count_follows(&app, &format!("follower_id = {}", user.id)).await;
        assert_eq!(get(&app, user).await, counts(user, followers, following));
    }
    assert_eq!(drifts(&app).await, []);
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_has_no_counts() {
    let app = TestApp::start().await;
    for (user_id, summary) in [
        (4711, "NotFound USER_NOT_FOUND []"),
        (i64::MAX, "NotFound USER_NOT_FOUND []"),
        (0, "InvalidArgument ID_INVALID [user_id ID_INVALID]"),
        (-1, "InvalidArgument ID_INVALID [user_id ID_INVALID]"),
    ] {
        let request = GetCountsRequest { user_id };
        let caller = app.operator(&[]);
        let refused = refusal(app.social_graph(&caller).get_counts(request).await);
        assert_eq!(refused.summary(), summary, "{user_id}");
    }
}
