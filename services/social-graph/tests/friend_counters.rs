//! Counters of friends, verified and repaired: as those of follows, of which more is tested in `repair_counters`.

use kith_contracts::social_graph::v1::{
    CounterDrift, Counts, GetCountsRequest, RepairCountersRequest, UnfriendRequest,
};
use kith_testkit::{TestApp, TestUser};

use crate::graph::befriend;
use crate::support::{REPAIR, Uncommitted, answer, crowd, drifts, execute, follow, spoil};

async fn repair(app: &TestApp) -> Vec<CounterDrift> {
    let operator = app.operator(&[REPAIR]);
    let request = RepairCountersRequest {
        page_size: 100,
        page_token: String::new(),
    };
    answer(app.social_graph(&operator).repair_counters(request).await).drifts
}

fn counts(user_id: i64, followers_count: i64, friends_count: i64) -> Option<Counts> {
    Some(Counts {
        user_id,
        followers_count,
        friends_count,
        ..Default::default()
    })
}

/// Of a user without follows.
fn drift(user_id: i64, counted: i64, actual: i64) -> CounterDrift {
    CounterDrift {
        counted: counts(user_id, 0, counted),
        actual: counts(user_id, 0, actual),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_friends_are_counted_for_as_long_as_they_are() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 3).await;
    befriend(&app, &users[0], &users[1]).await;
    befriend(&app, &users[2], &users[0]).await;
    let get = async |user: &TestUser| {
        let request = GetCountsRequest { user_id: user.id };
        answer(app.social_graph(user).get_counts(request).await).counts
    };
    for (user, friends) in users.iter().zip([2, 1, 1]) {
        assert_eq!(get(user).await, counts(user.id, 0, friends));
    }
    let request = UnfriendRequest {
        user_id: users[0].id,
        allow_missing: false,
    };
    answer(app.social_graph(&users[1]).unfriend(request).await);
    for (user, friends) in users.iter().zip([1, 0, 1]) {
        assert_eq!(get(user).await, counts(user.id, 0, friends));
    }
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_drift_is_told_and_set_right() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 4).await;
    befriend(&app, &users[0], &users[1]).await;
    befriend(&app, &users[1], &users[2]).await;
    let ids: Vec<i64> = users.iter().map(|user| user.id).collect();
    let nobody = ids[3] + 1000;
    for change in [
        format!(
            "UPDATE social_graph.friend_counts SET friends = 9 WHERE user_id = {}",
            ids[0]
        ),
        format!(
            "DELETE FROM social_graph.friend_counts WHERE user_id = {}",
            ids[1]
        ),
        format!(
            "INSERT INTO social_graph.friend_counts VALUES ({}, 3), ({nobody}, 0)",
            ids[3]
        ),
    ] {
        spoil(&app, &change).await;
    }
    let expected = [
        drift(ids[0], 9, 1),
        drift(ids[1], 0, 2),
        drift(ids[3], 3, 0),
        drift(nobody, 0, 0),
    ];
    assert_eq!(drifts(&app).await, expected);
    assert_eq!(repair(&app).await, expected);
    assert_eq!((drifts(&app).await, repair(&app).await), (Vec::new(), Vec::new()));
    app.database.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drifts_of_both_kinds_are_told_of_a_user_once() {
    let app = TestApp::start().await;
    let users = crowd(&app, "u", 2).await;
    follow(&app, &users[0], &users[1]).await;
    befriend(&app, &users[0], &users[1]).await;
    let id = users[1].id;
    spoil(
        &app,
        &format!("UPDATE social_graph.follow_counts SET followers = 5 WHERE user_id = {id}"),
    )
    .await;
    spoil(
        &app,
        &format!("UPDATE social_graph.friend_counts SET friends = 7 WHERE user_id = {id}"),
    )
    .await;
    let expected = CounterDrift {
        counted: counts(id, 5, 7),
        actual: counts(id, 1, 1),
    };
    assert_eq!(drifts(&app).await, [expected]);
    assert_eq!(repair(&app).await, [expected]);
    app.database.assert_invariants().await;
}

const WRONG: &str = "UPDATE social_graph.friend_counts SET friends = friends + 5 WHERE user_id = ";
const MISSING: &str = "DELETE FROM social_graph.friend_counts WHERE user_id = ";

/// Two friends and a stranger, where what is counted of the first has drifted.
async fn spoilt(how: &str) -> (TestApp, [i64; 3]) {
    let app = TestApp::start().await;
    let [one, friend, stranger] = crowd(&app, "u", 3).await.try_into().expect("three users");
    befriend(&app, &one, &friend).await;
    spoil(&app, &format!("{how}{}", one.id)).await;
    (app, [one.id, friend.id, stranger.id])
}

/// A friendship of the first that begins, and one that ends.
fn changes([one, friend, stranger]: [i64; 3]) -> [String; 2] {
    [
        format!("INSERT INTO social_graph.friendships VALUES ({one}, {stranger}), ({stranger}, {one})"),
        format!("DELETE FROM social_graph.friendships WHERE {friend} IN (user_id, friend_id)"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_committed_is_waited_for() {
    for how in [WRONG, MISSING] {
        for change in 0..2 {
            for end in ["COMMIT", "ROLLBACK"] {
                let (app, ids) = spoilt(how).await;
                let open = Uncommitted::begin(&app, &changes(ids)[change]).await;
                tokio::join!(repair(&app), open.end_under_a_waiting_call(end));
                assert_eq!(drifts(&app).await, [], "{how} {change} {end}");
                app.database.assert_invariants().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_a_repair_that_is_not_committed() {
    for how in [WRONG, MISSING] {
        for change in 0..2 {
            let (app, ids) = spoilt(how).await;
            let sql = format!("SELECT social_graph.friend_counts_repair(ARRAY[{}])", ids[0]);
            let repairing = Uncommitted::begin(&app, &sql).await;
            let changes = changes(ids);
            let changing = execute(&app, &changes[change]);
            tokio::join!(changing, repairing.commit_under_a_waiting_call());
            app.database.assert_invariants().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_lock_the_repair_itself_makes_drift() {
    let signature = "social_graph.friend_counts_lock(user_ids bigint[]) RETURNS void";
    let no_lock = format!("CREATE OR REPLACE FUNCTION {signature} LANGUAGE sql AS 'SELECT'");
    for change in 0..2 {
        let (app, ids) = spoilt(WRONG).await;
        execute(&app, &no_lock).await;
        let open = Uncommitted::begin(&app, &changes(ids)[change]).await;
        tokio::join!(repair(&app), open.commit_under_a_waiting_call());
        assert_eq!(drifts(&app).await.len(), 1, "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_many_of_everything_goes_without_a_trace() {
    let app = TestApp::start().await;
    let gone = app.user("gone").await.id;
    crowd(&app, "u", 500).await;
    let others = format!("FROM identity.users WHERE id <> {gone}");
    for insert in [
        format!("INSERT INTO social_graph.follows SELECT {gone}, id {others}"),
        format!("INSERT INTO social_graph.follows SELECT id, {gone} {others}"),
        format!(
            "INSERT INTO social_graph.friendships SELECT {gone}, id {others} AND id % 2 = 0
                UNION ALL SELECT id, {gone} {others} AND id % 2 = 0"
        ),
        format!(
            "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id)
                SELECT {gone}, id {others} AND id % 4 = 1 UNION ALL SELECT id, {gone} {others} AND id % 4 = 3"
        ),
        format!(
            "INSERT INTO social_graph.mutes SELECT {gone}, id {others} UNION ALL SELECT id, {gone} {others}"
        ),
        format!("DELETE FROM identity.users WHERE id = {gone}"),
    ] {
        execute(&app, &insert).await;
    }
    for table in ["follows", "friendships", "friend_requests", "mutes"] {
        let left = kith_testkit::count(&app, &format!("social_graph.{table}")).await;
        assert_eq!(left, 0, "{table}");
    }
    assert_eq!(drifts_of_all(&app).await, 0);
    app.database.assert_invariants().await;
}

/// How many drifts there are, however many users.
async fn drifts_of_all(app: &TestApp) -> usize {
    let operator = app.operator(&[REPAIR]);
    let (mut found, mut page_token) = (0, String::new());
    loop {
        let request = kith_contracts::social_graph::v1::VerifyCountersRequest {
            page_size: 100,
            page_token,
        };
        let page = answer(app.social_graph(&operator).verify_counters(request).await);
        found += page.drifts.len();
        if page.next_page_token.is_empty() {
            return found;
        }
        page_token = page.next_page_token;
    }
}
