//! What the tests of VerifyCounters and RepairCounters have in common.

use diesel_async::SimpleAsyncConnection;
use kith_contracts::posts::v1::{CounterDrift, PostCounts, VerifyCountersRequest};
use kith_testkit::TestApp;

use crate::support::answer;

/// The scope that both ask for.
pub(crate) const REPAIR: &str = "posts.counters.repair";

/// Changes what triggers would keep from changing, as only a superuser can.
pub(crate) async fn spoil(app: &TestApp, sql: &str) {
    let sql = format!("SET session_replication_role = replica; {sql}");
    let mut superuser = app.database.superuser().await;
    superuser
        .batch_execute(&sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A post's likes, replies and shares, as they were counted and as they are.
pub(crate) fn drift(post_id: i64, counted: (i64, i64, i64), actual: (i64, i64, i64)) -> CounterDrift {
    let counts = |(likes_count, comment_count, shares_count)| {
        Some(PostCounts {
            post_id,
            likes_count,
            comment_count,
            shares_count,
        })
    };
    CounterDrift {
        counted: counts(counted),
        actual: counts(actual),
    }
}

/// What VerifyCounters finds among the first hundred posts.
pub(crate) async fn drifts(app: &TestApp) -> Vec<CounterDrift> {
    let request = VerifyCountersRequest {
        page_size: 100,
        ..Default::default()
    };
    let operator = app.operator(&[REPAIR]);
    let answer = answer(app.posts(&operator).verify_counters(request).await);
    assert_eq!(answer.next_page_token, "", "there are more");
    answer.drifts
}
