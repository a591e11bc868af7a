//! Requests that are no messages, and messages that are too large.

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use kith_contracts::social_graph::v1::{GetFollowRequest, ListFollowersRequest, ListFollowersResponse};
use kith_rpc::MAX_MESSAGE_BYTES;
use prost::Message;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::harness::{TestServer, message_of, refused};

const SERVICE: &str = "/kith.social_graph.v1.SocialGraphService";

/// A message with `bytes` in a field that nobody knows, so that any method takes it: `size` bytes in all.
fn message_of_size(size: usize) -> Vec<u8> {
    let (tag, length_bytes) = (0x7a, 4);
    let mut message = vec![tag];
    prost::encoding::encode_varint((size - 1 - length_bytes) as u64, &mut message);
    message.resize(size, b'x');
    message
}

fn framed(flag: u8, length: usize, message: &[u8]) -> Body {
    let mut bytes = BytesMut::new();
    bytes.put_u8(flag);
    bytes.put_u32(u32::try_from(length).expect("a length"));
    bytes.put_slice(message);
    Body::new(Full::new(Bytes::from(bytes)))
}

async fn send(server: &TestServer, method: &str, headers: &[(&str, &str)], body: Body) -> Status {
    let bearer = format!("Bearer {}", server.user_token());
    let headers = [headers, &[("authorization", bearer.as_str())]].concat();
    server
        .connect()
        .await
        .send(&format!("{SERVICE}/{method}"), &headers, body)
        .await
}

// Control: a limit of one byte less; the second half failed.
#[tokio::test]
async fn a_request_over_the_limit_is_refused_and_one_of_just_the_limit_is_not() {
    let server = TestServer::start().await;
    for method in ["Follow", "GetFollow"] {
        let message = message_of_size(MAX_MESSAGE_BYTES + 1);
        let status = send(&server, method, &[], framed(0, message.len(), &message)).await;
        refused(&status, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");

        let message = message_of_size(MAX_MESSAGE_BYTES);
        let status = send(&server, method, &[], framed(0, message.len(), &message)).await;
        assert_eq!(status.code(), Code::Ok, "{status:?}");
    }
}

#[tokio::test]
async fn a_request_that_says_it_is_too_large_is_refused() {
    let server = TestServer::start().await;
    let status = send(&server, "Follow", &[], framed(0, MAX_MESSAGE_BYTES + 1, b"x")).await;
    refused(&status, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
}

// Control: `unary` without `sendable`; tonic said OUT_OF_RANGE in trailers without details, and the log said OK.
#[tokio::test]
async fn an_answer_over_the_limit_is_refused_and_one_of_just_the_limit_is_not() {
    let server = TestServer::start().await;
    let mut client = server.connect().await.graph();
    let empty = ListFollowersResponse {
        follows: Vec::new(),
        next_page_token: "x".repeat(MAX_MESSAGE_BYTES),
    };
    let largest = i64::try_from(2 * MAX_MESSAGE_BYTES - empty.encoded_len()).expect("a size");
    let mut ask = async |size: i64| {
        let request = ListFollowersRequest {
            user_id: size,
            ..Default::default()
        };
        client.list_followers(server.by_user(request)).await
    };
    let answer = ask(largest).await.expect("just the limit").into_inner();
    assert_eq!(answer.encoded_len(), MAX_MESSAGE_BYTES);
    let status = ask(largest + 1).await.expect_err("too large");
    refused(&status, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
}

// Control: `failure_of_tonic` without `is_undecodable`; the reason was INTERNAL, which is for defects of ours.
#[tokio::test]
async fn a_request_that_is_no_message_of_the_method_is_undecodable() {
    let server = TestServer::start().await;
    let bodies: [(&str, &[u8]); 7] = [
        ("not protobuf", &[0, 0, 0, 0, 1, 0xff]),
        ("a field of another type", &[0, 0, 0, 0, 3, 0x0a, 1, b'x']),
        ("nothing", &[]),
        ("half a prefix", &[0, 0]),
        ("less than it says", &[0, 0, 0, 0, 10, 8, 1]),
        ("compressed, but how", &[1, 0, 0, 0, 2, 8, 1]),
        ("an unknown flag", &[7, 0, 0, 0, 2, 8, 1]),
    ];
    for (name, body) in bodies {
        for method in ["Follow", "GetFollow"] {
            let body = Body::new(Full::new(Bytes::from_static(body)));
            let status = send(&server, method, &[], body).await;
            println!("{method} with {name}");
            refused(&status, Code::Internal, "MESSAGE_UNDECODABLE");
        }
    }
    assert_eq!(server.graph.calls().started, 0);
}

#[tokio::test]
async fn a_compression_that_is_not_spoken_is_unimplemented_and_named() {
    let server = TestServer::start().await;
    let status = send(
        &server,
        "Follow",
        &[("grpc-encoding", "gzip")],
        framed(1, 2, &[8, 1]),
    )
    .await;
    let refused = refused(&status, Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
    assert!(refused.message.contains("gzip"), "{}", refused.message);
}

// Control: `serve` that knows the methods of all contracts; GetUser asked for a token.
#[tokio::test]
async fn what_is_not_served_here_is_unimplemented() {
    let server = TestServer::start().await;
    let unknown = [
        "/kith.social_graph.v1.SocialGraphService/Nothing",
        "/kith.social_graph.v2.SocialGraphService/Follow",
        // The contracts describe it, but it is served elsewhere.
        "/kith.identity.v1.IdentityService/GetUser",
        "/kith.identity.v1.IdentityService/Register",
        "/grpc.health.v1.Health/List",
        "/",
    ];
    for path in unknown {
        let status = server
            .connect()
            .await
            .send(path, &[], message_of(&GetFollowRequest::default()))
            .await;
        let refused = refused(&status, Code::Unimplemented, "METHOD_UNKNOWN");
        assert_eq!(refused.metadata("method"), Some(path));
    }
}

// Control: `failure_of_tonic` and `method_unknown` without `excerpt`; all 8,000 characters came back.
#[tokio::test]
async fn of_a_long_path_and_a_long_encoding_only_the_beginning_comes_back() {
    let server = TestServer::start().await;
    let path = format!("/{}", "x".repeat(8000));
    let message = message_of(&GetFollowRequest::default());
    let status = server.connect().await.send(&path, &[], message).await;
    let told = refused(&status, Code::Unimplemented, "METHOD_UNKNOWN");
    assert_eq!(told.metadata("method"), Some(&*format!("{}...", &path[..100])));

    let encoding = "x".repeat(8000);
    let headers = [("grpc-encoding", encoding.as_str())];
    let status = send(&server, "Follow", &headers, framed(1, 2, &[8, 1])).await;
    let told = refused(&status, Code::Unimplemented, "COMPRESSION_UNSUPPORTED");
    assert!(told.message.len() < 200, "{}", told.message.len());
}
