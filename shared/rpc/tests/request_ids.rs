//! `x-request-id`: a wish in the request, the truth in the answer.

use kith_contracts::social_graph::v1::GetFollowRequest;
use tonic::{Code, Request};

use crate::harness::{Plan, TestServer, access_line, refused, with};
use kith_primitives::{Failure, Reason};

/// The id of a call that asks for `wish`: as the answer has it, after checking that the handler knew it too.
async fn answered(server: &TestServer, request: Request<GetFollowRequest>) -> String {
    let mut client = server.connect().await.graph();
    let answer = client.get_follow(request).await.expect("an answer");
    let id = answer.metadata().get("x-request-id").expect("an id");
    let id = id.to_str().expect("ASCII").to_owned();
    assert_eq!(server.graph.last_seen().request_id, id);
    assert_eq!(
        access_line(&id).await["rpc.method"],
        "kith.social_graph.v1.SocialGraphService/GetFollow"
    );
    id
}

#[tokio::test]
async fn a_callers_id_is_kept() {
    let server = TestServer::start().await;
    for wish in ["a", "Ab-9_.z", &"x".repeat(64)] {
        let request = with(server.by_user(GetFollowRequest::default()), "x-request-id", wish);
        assert_eq!(answered(&server, request).await, wish);
    }
}

#[tokio::test]
async fn a_failure_has_the_callers_id_in_header_and_details() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Fail(|| {
        Failure::new(Reason::FollowNotFound, "there is no such follow")
    }));
    let request = with(
        server.by_user(GetFollowRequest::default()),
        "x-request-id",
        "failing.1",
    );
    let status = server
        .connect()
        .await
        .graph()
        .get_follow(request)
        .await
        .expect_err("planned");
    let refused = refused(&status, Code::NotFound, "FOLLOW_NOT_FOUND");
    assert_eq!(refused.request_id, "failing.1");
}

// Control: `RequestId::from_caller` that takes every text; the second was echoed.
#[tokio::test]
async fn an_id_that_could_forge_a_log_line_is_replaced() {
    let server = TestServer::start().await;
    let too_long = "x".repeat(65);
    let forged: [&[u8]; 7] = [
        b"a\tb",
        b"a%0Ab",
        b"a b",
        b"a\"b",
        "\u{e4}".as_bytes(),
        b"\xff",
        too_long.as_bytes(),
    ];
    for wish in forged {
        let mut request = server.by_user(GetFollowRequest::default()).map(|message| message);
        let value = http::HeaderValue::from_bytes(wish).expect("HTTP allows it");
        let mut headers = request.metadata().clone().into_headers();
        headers.insert("x-request-id", value);
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
        let id = answered(&server, request).await;
        assert_eq!((id.len(), id.as_bytes() == wish), (36, false), "{id}");
    }
}

#[tokio::test]
async fn calls_without_id_get_one_each() {
    let server = TestServer::start().await;
    let first = answered(&server, server.by_user(GetFollowRequest::default())).await;
    let second = answered(&server, server.by_user(GetFollowRequest::default())).await;
    assert_ne!(first, second);
}
