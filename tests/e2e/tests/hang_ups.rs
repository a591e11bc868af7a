//! Callers who hang up in the middle of a write.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use kith_contracts::identity::v1::{DeleteUserRequest, Profile, UpdateProfileRequest};
use kith_contracts::social_graph::v1::{
    BatchBefriendRequest, BatchFollowRequest, FollowPair, FollowRequest, FriendPair,
};
use kith_schema::Role;
use kith_testkit::{TestApp, TestUser};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;

use crate::rows::unique;

const CALLERS: usize = 200;
/// Enough for a busy machine.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_leaves_nothing_half_done_and_nothing_open() {
    let app = Arc::new(TestApp::start().await);
    let_open_transactions_be(&app).await;
    let names: Vec<String> = (0..CALLERS).map(|_| unique("hangup")).collect();
    let users = app
        .users(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let users = Arc::new(users);
    let mut random = StdRng::seed_from_u64(7);
    let mut calls = JoinSet::new();
    for number in 0..CALLERS {
        // From a quarter of a millisecond to eight seconds, each doubling as likely as the others, so that on any
        // machine some hang up at every stage and some do not.
        let patience = Duration::from_micros(250).mul_f64(2_f64.powf(random.random_range(0.0..15.0)));
        calls.spawn(tokio::time::timeout(
            patience,
            write(Arc::clone(&app), Arc::clone(&users), number),
        ));
    }
    let outcomes = calls.join_all().await;
    let hung_up = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    // Both must have happened, or this shows nothing.
    assert!(
        hung_up > CALLERS / 10 && hung_up < CALLERS,
        "{hung_up} of {CALLERS} hung up"
    );
    assert!(nothing_is_open(&app, LONG).await, "a transaction stayed open");
    // Writes whose callers are gone may still wait for a connection. The drain waits for them.
    let mut app = Arc::into_inner(app).expect("the callers are gone");
    app.shut_down().await;
    assert!(
        nothing_is_open(&app, LONG).await,
        "a transaction stayed open after the drain"
    );
    app.database.assert_invariants().await;
}

/// Takes away the time limit that would end a transaction which was left open, and so hide it. The pools have no
/// connection yet that could have the old one.
async fn let_open_transactions_be(app: &TestApp) {
    let mut conn = app.database.superuser().await;
    for role in Role::ALL {
        let sql = format!(
            "ALTER ROLE {role} IN DATABASE {} SET idle_in_transaction_session_timeout = 0",
            app.database.name()
        );
        conn.batch_execute(&sql).await.expect("a setting");
    }
}

/// A write that has several statements or touches several rows.
async fn write(app: Arc<TestApp>, users: Arc<Vec<TestUser>>, number: usize) {
    let (user, next) = (&users[number], &users[(number + 1) % users.len()]);
    let (user_id, followed_id) = (user.id, next.id);
    match number % 5 {
        0 => {
            let request = FollowRequest {
                user_id: followed_id,
                allow_existing: true,
            };
            drop(app.social_graph(user).follow(request).await);
        }
        1 => {
            let pairs = users.iter().filter(|other| other.id != user_id);
            let pairs = pairs
                .map(|other| FollowPair {
                    follower_id: user_id,
                    followed_id: other.id,
                })
                .collect();
            let operator = app.operator(&["social_graph.follows.import"]);
            drop(
                app.social_graph(&operator)
                    .batch_follow(BatchFollowRequest {
                        pairs,
                        allow_existing: true,
                    })
                    .await,
            );
        }
        2 => {
            let pair = |friend: &TestUser| FriendPair {
                user_id,
                friend_id: friend.id,
            };
            let request = BatchBefriendRequest {
                pairs: users.iter().take(50).map(pair).collect(),
                allow_existing: true,
            };
            let operator = app.operator(&["social_graph.friendships.import"]);
            drop(app.social_graph(&operator).batch_befriend(request).await);
        }
        3 => {
            let profile = Profile {
                user_id,
                bio: Some("going".to_owned()),
                ..Default::default()
            };
            let request = UpdateProfileRequest {
                profile: Some(profile),
                update_mask: None,
            };
            drop(app.identity(user).update_profile(request).await);
        }
        _ => drop(
            app.identity(user)
                .delete_user(DeleteUserRequest {
                    user_id,
                    allow_missing: true,
                })
                .await,
        ),
    }
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    transactions: i64,
}

/// Whether, before long, no transaction is open any more: the detached writes must finish first.
async fn nothing_is_open(app: &TestApp, patience: Duration) -> bool {
    const OPEN: &str = "SELECT count(*) AS transactions FROM pg_stat_activity
        WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()";
    let mut conn = app.database.superuser().await;
    let none_open = async {
        while sql_query(OPEN)
            .get_result::<Open>(&mut conn)
            .await
            .expect("an answer")
            .transactions
            > 0
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(patience, none_open).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_is_seen() {
    let app = TestApp::start().await;
    let_open_transactions_be(&app).await;
    let mut left_open = app.database.service(Role::SocialGraph).await;
    left_open
        .batch_execute("BEGIN; SELECT count(*) FROM social_graph.follows")
        .await
        .expect("a transaction");
    assert!(!nothing_is_open(&app, Duration::from_secs(5)).await);
}
