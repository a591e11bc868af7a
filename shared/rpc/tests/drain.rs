//! From the shutdown signal to the end.

use std::time::{Duration, Instant};

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};
use tokio::net::TcpStream;

use crate::harness::{Plan, RawConnection, TestServer, soon};

/// Returns once new connections are refused, which is the first thing that draining does.
async fn refuses(server: &TestServer) {
    soon(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

// Control: `drain` that does not wait for the connections; the call was lost.
#[tokio::test]
async fn a_call_in_flight_gets_its_answer_while_new_connections_are_refused() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    server.shutdown.cancel();
    refuses(&server).await;
    server.graph.release(1);
    soon(call).await.expect("no panic").expect("its answer");
    server.stopped().await;
}

// Control: `serve` without `mutations.wait()`; it ended first.
#[tokio::test]
async fn a_mutation_without_its_caller_is_waited_for() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(FollowRequest::default()));
    tokio::spawn(async move { client.follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    connection.cut();
    server.shutdown.cancel();
    refuses(&server).await;
    let graph = server.graph.clone();
    graph.release(1);
    server.stopped().await;
    assert_eq!(graph.calls().finished, 1);
}

// Control: `drain` without its deadline; the preface timeout ended it after 5 seconds.
#[tokio::test]
async fn a_caller_who_never_spoke_holds_the_end_no_longer_than_the_drain_timeout() {
    let server = TestServer::start_with(|options| {
        options.settings.drain_timeout = Duration::from_secs(1);
    })
    .await;
    let silent = RawConnection::silent(server.address).await;
    // Answered after the silent one was accepted.
    server
        .connect()
        .await
        .health()
        .check(tonic_health::pb::HealthCheckRequest::default())
        .await
        .expect("health");
    let start = Instant::now();
    server.stop().await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    drop(silent);
}

// Control: a drain timeout of its own for the mutations; it took twice as long.
#[tokio::test]
async fn calls_that_never_end_are_given_up_after_one_drain_timeout() {
    let limit = Duration::from_secs(2);
    let server = TestServer::start_with(|options| options.settings.drain_timeout = limit).await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut reader, mut writer) = (connection.graph(), connection.graph());
    let read = server.by_user(GetFollowRequest::default());
    let write = server.by_user(FollowRequest::default());
    tokio::spawn(async move { reader.get_follow(read).await });
    tokio::spawn(async move { writer.follow(write).await });
    server.graph.reach(|calls| calls.started == 2).await;
    let (graph, start) = (server.graph.clone(), Instant::now());
    server.stop().await;
    let took = start.elapsed();
    assert!(took >= limit && took < 2 * limit, "{took:?}");
    graph.reach(|calls| calls.abandoned == 1).await;
}

// Control: `end_streams` that leaves the questions alone; the server waited for more of them.
#[tokio::test]
async fn a_caller_who_might_ask_more_does_not_hold_the_end() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;

    let server = TestServer::start().await;
    let connection = server.connect().await;
    let endless = futures::stream::pending::<ServerReflectionRequest>();
    let answers = connection
        .reflection()
        .server_reflection_info(endless)
        .await
        .expect("it begins");
    server.stop().await;
    drop(answers);
}
