//! What the tests of several RPCs need.

use diesel_async::SimpleAsyncConnection;
use kith_contracts::social_graph::v1::batch_follow_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchBefriendRequest, BatchFollowRequest, CounterDrift, Counts, Follow, FollowPair, FollowRequest,
    FriendPair, Friendship, VerifyCountersRequest, batch_befriend_result,
};
use kith_testkit::{TestApp, TestUser, count};
pub(crate) use kith_testkit::{Uncommitted, answer, execute, refusal};

/// The scope that BatchFollow asks for.
pub(crate) const IMPORT: &str = "social_graph.follows.import";
/// The scope that BatchBefriend asks for.
pub(crate) const IMPORT_FRIENDS: &str = "social_graph.friendships.import";
/// The scope that VerifyCounters and RepairCounters ask for.
pub(crate) const REPAIR: &str = "social_graph.counters.repair";

/// How many follows there are, of those that fulfil `condition`.
pub(crate) async fn count_follows(app: &TestApp, condition: &str) -> i64 {
    count(app, &format!("social_graph.follows WHERE {condition}")).await
}

/// Deactivates a user, past identity.
pub(crate) async fn deactivate(app: &TestApp, user: &TestUser) {
    let sql = format!(
        "UPDATE identity.users SET is_active = false WHERE id = {}",
        user.id
    );
    execute(app, &sql).await;
}

/// Makes one follow by Follow.
pub(crate) async fn follow(app: &TestApp, follower: &TestUser, followed: &TestUser) -> Follow {
    let request = FollowRequest {
        user_id: followed.id,
        allow_existing: false,
    };
    let answer = answer(app.social_graph(follower).follow(request).await);
    answer.follow.expect("a follow")
}

/// Makes follows by BatchFollow, all of which must be new.
pub(crate) async fn follow_all(app: &TestApp, pairs: Vec<FollowPair>) -> Vec<Follow> {
    let request = BatchFollowRequest {
        pairs,
        allow_existing: false,
    };
    let importer = app.operator(&[IMPORT]);
    let results = answer(app.social_graph(&importer).batch_follow(request).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(Outcome::Follow(follow)) => follow,
            other => panic!("no follow: {other:?}"),
        })
        .collect()
}

/// Makes friendships by BatchBefriend, all of which must be new.
pub(crate) async fn befriend_all(app: &TestApp, pairs: Vec<FriendPair>) -> Vec<Friendship> {
    let request = BatchBefriendRequest {
        pairs,
        allow_existing: false,
    };
    let importer = app.operator(&[IMPORT_FRIENDS]);
    let results = answer(app.social_graph(&importer).batch_befriend(request).await).results;
    results
        .into_iter()
        .map(|result| match result.outcome {
            Some(batch_befriend_result::Outcome::Friendship(friendship)) if !result.existing => friendship,
            other => panic!("no new friendship: {other:?}"),
        })
        .collect()
}

/// As many new users as asked for, with names that begin with `prefix`.
pub(crate) async fn crowd(app: &TestApp, prefix: &str, size: usize) -> Vec<TestUser> {
    let names: Vec<String> = (0..size).map(|number| format!("{prefix}{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    app.users(&names).await
}

pub(crate) fn pair(follower_id: i64, followed_id: i64) -> FollowPair {
    FollowPair {
        follower_id,
        followed_id,
    }
}

pub(crate) fn friend_pair(user_id: i64, friend_id: i64) -> FriendPair {
    FriendPair { user_id, friend_id }
}

/// A time that can be compared.
pub(crate) fn instant(follow: &Follow) -> (i64, i32) {
    let time = follow.create_time.expect("a time");
    (time.seconds, time.nanos)
}

/// Changes what triggers and foreign keys would keep from changing, as only a superuser can.
pub(crate) async fn spoil(app: &TestApp, sql: &str) {
    let sql = format!("SET session_replication_role = replica; {sql}");
    let mut superuser = app.database.superuser().await;
    superuser
        .batch_execute(&sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A user's followers and following, as they were counted and as they are.
pub(crate) fn drift(user_id: i64, counted: (i64, i64), actual: (i64, i64)) -> CounterDrift {
    let counts = |(followers_count, following_count)| {
        Some(Counts {
            user_id,
            followers_count,
            following_count,
            friends_count: 0,
        })
    };
    CounterDrift {
        counted: counts(counted),
        actual: counts(actual),
    }
}

/// What VerifyCounters finds among the first hundred users.
pub(crate) async fn drifts(app: &TestApp) -> Vec<CounterDrift> {
    let request = VerifyCountersRequest {
        page_size: 100,
        ..Default::default()
    };
    let operator = app.operator(&[REPAIR]);
    let answer = answer(app.social_graph(&operator).verify_counters(request).await);
    assert_eq!(answer.next_page_token, "", "there are more");
    answer.drifts
}
