//! The network address of the caller, as handlers see it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use kith_contracts::social_graph::v1::{FollowRequest, GetFollowRequest};

use crate::harness::{Connection, TestServer};

// Control: `serve` that puts no `Peer` into its requests; the handler saw an empty address.
#[tokio::test]
async fn a_read_and_a_mutation_know_where_they_came_from() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    let read = server.by_user(GetFollowRequest::default());
    client.get_follow(read).await.expect("an answer");
    assert_eq!(server.graph.last_seen().peer_address, "127.0.0.1");
    // In a task of its own.
    let mutation = server.by_user(FollowRequest::default());
    client.follow(mutation).await.expect("an answer");
    assert_eq!(server.graph.last_seen().peer_address, "127.0.0.1");
}

// Control: the peer as it is, without `to_canonical`; it was ::ffff:127.0.0.1.
#[tokio::test]
async fn a_caller_by_ipv4_is_shown_so_by_a_server_of_both_families() {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let server = TestServer::start_with(|options| options.listen_address = any).await;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.address.port()));
    let mut client = Connection::open(address).await.graph();
    let read = server.by_user(GetFollowRequest::default());
    client.get_follow(read).await.expect("an answer");
    assert_eq!(server.graph.last_seen().peer_address, "127.0.0.1");
}
