//! The end of a user who has edges of every kind, by the thousand.

use std::time::Instant;

use kith_contracts::identity::v1::DeleteUserRequest;
use kith_testkit::{TestApp, answer, count, execute};

use crate::rows::unique;
use crate::size;

/// Edges of each kind between the user and so many others. Some kinds exclude each other, so there are three groups.
fn edges(user: i64) -> Vec<String> {
    let others = |group: i32| format!("FROM identity.users WHERE id <> {user} AND id % 3 = {group}");
    let (friends, askers, blocked) = (others(0), others(1), others(2));
    vec![
        format!(
            "INSERT INTO social_graph.friendships SELECT {user}, id {friends} UNION ALL SELECT id, {user} {friends}"
        ),
        format!("INSERT INTO social_graph.follows SELECT {user}, id {friends}"),
        format!("INSERT INTO social_graph.follows SELECT id, {user} {askers}"),
        format!(
            "INSERT INTO social_graph.friend_requests (from_user_id, to_user_id)
            SELECT {user}, id {askers} AND id % 2 = 0 UNION ALL SELECT id, {user} {askers} AND id % 2 = 1"
        ),
        format!(
            "INSERT INTO social_graph.friend_request_declines
            SELECT {user}, id, now() {blocked} UNION ALL SELECT id, {user}, now() {blocked}"
        ),
        format!(
            "INSERT INTO social_graph.blocks SELECT {user}, id {blocked} UNION ALL SELECT id, {user} {blocked}"
        ),
        format!(
            "INSERT INTO social_graph.mutes SELECT {user}, id {blocked} UNION ALL SELECT id, {user} {blocked}"
        ),
    ]
}

const TABLES: [&str; 6] = [
    "friendships",
    "follows",
    "friend_requests",
    "friend_request_declines",
    "blocks",
    "mutes",
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_and_everybody_elses_counters_are_right() {
    let app = TestApp::start().await;
    let user = app.user(&unique("gone")).await.id;
    let others = size::of(600, 15_000);
    execute(
        &app,
        &format!(
            "INSERT INTO identity.users (username) SELECT 'crowd' || number FROM generate_series(1, {others}) AS number;
            INSERT INTO identity.profiles (user_id) SELECT id FROM identity.users ON CONFLICT DO NOTHING"
        ),
    )
    .await;
    for insert in edges(user) {
        execute(&app, &insert).await;
    }
    for table in TABLES {
        let least = i64::try_from(others / 3).expect("small");
        assert!(
            count(&app, &format!("social_graph.{table}")).await >= least,
            "{table}"
        );
    }
    let request = DeleteUserRequest {
        user_id: user,
        allow_missing: false,
    };
    let began = Instant::now();
    answer(
        app.identity(&app.operator(&["identity.users.delete"]))
            .delete_user(request)
            .await,
    );
    println!("{:?}", began.elapsed());
    for table in TABLES {
        assert_eq!(count(&app, &format!("social_graph.{table}")).await, 0, "{table}");
    }
    let counts = "social_graph.follow_counts FULL JOIN social_graph.friend_counts USING (user_id)
        WHERE followers + following + friends > 0";
    assert_eq!(count(&app, counts).await, 0);
    app.database.assert_invariants().await;
}
