//! What one connection may do to the others, and to itself.

use kith_contracts::social_graph::v1::GetFollowRequest;

use crate::harness::{Plan, RawConnection, TestServer, soon};

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
