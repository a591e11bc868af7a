//! Many registrations of one name, released together.

use std::sync::Arc;

use kith_contracts::identity::v1::RegisterRequest;
use kith_testkit::{Refusal, TestApp};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tonic::{Code, Request};

use crate::size;

/// The name with the case of each letter given by the bits of `number`.
fn variant(number: usize) -> String {
    let letter = |(place, letter): (usize, char)| {
        if number >> place & 1 == 1 {
            letter.to_ascii_uppercase()
        } else {
            letter
        }
    };
    "everybody".chars().enumerate().map(letter).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_registrations_of_one_name_exactly_one_wins() {
    let callers = size::of(200, 1000);
    let app = TestApp::start().await;
    let barrier = Arc::new(Barrier::new(callers));
    let mut calls = JoinSet::new();
    for number in 0..callers {
        let mut client = app.identity(&app.nobody());
        let barrier = Arc::clone(&barrier);
        let mut request = Request::new(RegisterRequest {
            username: variant(number),
            password: "correct horse".to_owned(),
            ..Default::default()
        });
        // The hashing alone takes seconds; nobody gives up here.
        request.set_timeout(std::time::Duration::from_secs(60));
        calls.spawn(async move {
            barrier.wait().await;
            client.register(request).await.map(|_| ())
        });
    }
    let outcomes = calls.join_all().await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let lost = outcomes
        .iter()
        .filter_map(|outcome| outcome.as_ref().err())
        .map(Refusal::of);
    let others: Vec<Refusal> = lost
        .filter(|refusal| refusal.reason != "USERNAME_TAKEN" || refusal.code != Code::AlreadyExists)
        .collect();
    assert_eq!((won, others), (1, vec![]));
    app.database.assert_invariants().await;
}
