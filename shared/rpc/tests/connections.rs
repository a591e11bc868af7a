//! What one connection may do to the others, and to itself.

use std::time::{Duration, Instant};

use futures::future::join_all;
use kith_contracts::social_graph::v1::GetFollowRequest;
use tonic_health::pb::HealthCheckRequest;

use crate::harness::{Plan, RawConnection, TestServer, soon};

const NO_ERROR: u32 = 0;
const ENHANCE_YOUR_CALM: u32 = 11;
const GET_FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/GetFollow";

// Control: a builder with no `max_concurrent_streams`; SETTINGS named none.
#[tokio::test]
async fn a_connection_has_256_calls_at_once_and_the_next_one_waits_its_turn() {
    let server = TestServer::start().await;
    let mut raw = RawConnection::open(server.address).await;
    assert_eq!(raw.max_concurrent_streams().await, Some(256));

    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let calls: Vec<_> = (0..257)
        .map(|_| {
            let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
            tokio::spawn(async move { client.get_follow(request).await })
        })
        .collect();
    server.graph.reach(|calls| calls.started == 256).await;
    // A round trip later there is still none more.
    raw.ping().await;
    assert_eq!(server.graph.calls().started, 256);
    server.graph.release(1);
    server.graph.reach(|calls| calls.started == 257).await;
    server.graph.release(256);
    for call in calls {
        soon(call).await.expect("no panic").expect("an answer");
    }
}

// Control: a builder without `max_pending_accept_reset_streams`; the connection was ended after 20.
#[tokio::test]
async fn a_caller_who_takes_a_batch_of_calls_back_keeps_its_connection() {
    let server = TestServer::start().await;
    let mut caller = RawConnection::open(server.address).await;
    caller.call_and_reset(GET_FOLLOW, 200).await;
    caller.ping().await;
}

// Control: `max_pending_accept_reset_streams` without bound; the flood went on.
#[tokio::test]
async fn a_flood_of_resets_ends_its_own_connection_and_no_other() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let honest = server.connect().await;
    let (mut client, request) = (honest.graph(), server.by_user(GetFollowRequest::default()));
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;

    let mut attacker = RawConnection::open(server.address).await;
    attacker.call_and_reset(GET_FOLLOW, 20_000).await;
    assert_eq!(attacker.goaway().await, Some(ENHANCE_YOUR_CALM));

    server.graph.release(2);
    soon(call).await.expect("no panic").expect("its answer");
    let request = server.by_user(GetFollowRequest::default());
    honest
        .graph()
        .get_follow(request)
        .await
        .expect("the next answer too");
}

/// Long enough to begin a call before it, on a busy machine too.
const AGE: Duration = Duration::from_secs(2);

async fn with_age(age: Duration) -> TestServer {
    TestServer::start_with(|options| options.settings.max_connection_age = age).await
}

// Control: `speak` that only closes the connection; the call was lost.
#[tokio::test]
async fn a_connection_of_age_is_asked_to_go_and_its_calls_end_well() {
    let server = with_age(AGE).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    server.graph.plan(Plan::Answer);
    soon(async {
        let request = || server.by_user(GetFollowRequest::default());
        while connection.graph().get_follow(request()).await.is_ok() {}
    })
    .await;
    let mut other = RawConnection::open(server.address).await;
    assert_eq!(other.goaway().await, Some(NO_ERROR));

    server.graph.release(1);
    soon(call).await.expect("no panic").expect("its answer");
    let request = server.by_user(GetFollowRequest::default());
    let next = server.connect().await.graph().get_follow(request).await;
    next.expect("an answer over the next connection");
}

// A client that was just writing failed at that, and never read which of its calls had not been taken.
// Control: `speak` without `lingering::close`; the second write met a reset.
#[tokio::test]
async fn a_connection_that_goes_is_read_until_its_client_has_closed_it_too() {
    let server = with_age(AGE).await;
    let mut connection = RawConnection::open(server.address).await;
    connection.until_closed().await;
    assert!(connection.is_read().await);
}

// Control: `speak` that waits for all that has begun; the stream kept the connection for ever.
#[tokio::test]
async fn a_connection_that_does_not_go_is_cut_off() {
    let server = TestServer::start_with(|options| {
        options.settings.max_connection_age = AGE;
        options.settings.max_deadline = AGE;
    })
    .await;
    let connection = server.connect().await;
    let watch = connection.health().watch(HealthCheckRequest::default()).await;
    let mut changes = watch.expect("it begins").into_inner();
    soon(changes.message()).await.expect("the first").expect("one");
    soon(changes.message()).await.expect_err("cut off");
}

// Control: `speak` without the jitter; they went together.
#[tokio::test]
async fn connections_that_came_together_do_not_go_together() {
    let server = with_age(AGE).await;
    let begin = Instant::now();
    let connections = (0..30).map(|_| async {
        let mut connection = RawConnection::open(server.address).await;
        assert_eq!(connection.goaway().await, Some(NO_ERROR));
        begin.elapsed()
    });
    let mut went = join_all(connections).await;
    went.sort();
    let (first, last) = (went[0], went[29]);
    assert!(first >= AGE.mul_f64(0.8), "{went:?}");
    assert!(last - first > AGE.mul_f64(0.1), "{went:?}");
}
