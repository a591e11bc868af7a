//! gRPC-Web: calls as web pages make them, over both versions of HTTP and in both forms.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::StatusCode;
use http_body_util::StreamBody;
use hyper::body::Frame;
use kith_contracts::social_graph::v1::{GetFollowRequest, GetFollowResponse};
use kith_primitives::{Failure, Reason};
use kith_rpc::{MAX_MESSAGE_BYTES, Origins};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tonic::Code;
use tonic::body::Body;
use tower::Service;

use crate::harness::web::{Answer, BINARY, PAGE, TEXT, Web, post, request};
use crate::harness::{Authority, Connection, Mount, Plan, TestServer, access_line, line, refused, soon};

const GET_FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/GetFollow";
const FOLLOW: &str = "/kith.social_graph.v1.SocialGraphService/Follow";

fn ours() -> Option<Origins> {
    Some(Origins::parse(PAGE).expect("an origin"))
}

async fn with_web() -> TestServer {
    TestServer::start_with(|options| options.settings.grpc_web_origins = ours()).await
}

/// A call of user 7.
async fn get_follow(server: &TestServer, web: &mut Web, form: &str) -> Answer {
    let bearer = format!("Bearer {}", server.user_token());
    let message = GetFollowRequest {
        followed_id: 8,
        ..GetFollowRequest::default()
    };
    web.call(GET_FOLLOW, form, &[("authorization", &bearer)], &message)
        .await
}

/// Over each version of HTTP, in each form.
async fn everywhere(server: &TestServer, check: impl Fn(&Answer)) {
    let ways = [Web::http1(server.address).await, Web::http2(server.address).await];
    for mut web in ways {
        for form in [BINARY, TEXT] {
            check(&get_follow(server, &mut web, form).await);
        }
    }
}

// Control: `serve_methods` without `grpc_web::wrap`; the first answer was none of gRPC-Web.
#[tokio::test]
async fn a_page_is_answered_and_may_read_the_answer() {
    let server = with_web().await;
    everywhere(&server, |answer| {
        answer.message::<GetFollowResponse>();
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(answer.header("access-control-allow-credentials"), None);
        let id = answer.header("x-request-id").expect("an id");
        assert_eq!(server.graph.last_seen().request_id, id);
        assert_eq!(server.graph.last_seen().peer_address, "127.0.0.1");
    })
    .await;
}

// Control: `wrap` without `status_last`; the answer had no frames, and the page would have had to look at its headers.
#[tokio::test]
async fn a_refusal_stands_in_the_trailers_with_all_its_details() {
    let server = with_web().await;
    server.graph.plan(Plan::Fail(|| {
        Failure::new(Reason::FollowNotFound, "there is no such follow")
    }));
    everywhere(&server, |answer| {
        let refused = refused(&answer.refusal(), Code::NotFound, "FOLLOW_NOT_FOUND");
        assert_eq!(answer.header("x-request-id"), Some(refused.request_id.as_str()));
        let exposed = answer.header("access-control-expose-headers").expect("some");
        for name in [
            "grpc-status",
            "grpc-message",
            "grpc-status-details-bin",
            "x-request-id",
        ] {
            assert!(
                exposed.split(',').any(|exposed| exposed == name),
                "{name}: {exposed}"
            );
        }
    })
    .await;
}

// Control: `wrap` inside of the layers, `layers::wrap(grpc_web::wrap(..))`: refusals of the layers had no frames.
#[tokio::test]
async fn every_layer_holds_for_pages_too() {
    let server = TestServer::start_with(|options| {
        options.settings.grpc_web_origins = ours();
        options.settings.max_concurrent_calls = 1;
    })
    .await;
    let mut web = Web::http1(server.address).await;
    let nothing = GetFollowRequest::default();
    let bearer = format!("Bearer {}", server.user_token());

    let answer = web
        .call(GET_FOLLOW, BINARY, &[("x-request-id", "page.1")], &nothing)
        .await;
    let without_token = refused(&answer.refusal(), Code::Unauthenticated, "TOKEN_MISSING");
    assert_eq!(without_token.request_id, "page.1");
    assert_eq!(access_line("page.1").await["kith.error.reason"], "TOKEN_MISSING");

    let answer = web.call("/kith.test.v1.Nothing/Do", TEXT, &[], &nothing).await;
    refused(&answer.refusal(), Code::Unimplemented, "METHOD_UNKNOWN");

    let malformed = [("authorization", bearer.as_str()), ("grpc-timeout", "soon")];
    let answer = web.call(GET_FOLLOW, BINARY, &malformed, &nothing).await;
    refused(&answer.refusal(), Code::InvalidArgument, "DEADLINE_MALFORMED");

    server.graph.plan(Plan::Hang);
    let short = [("authorization", bearer.as_str()), ("grpc-timeout", "50m")];
    let answer = web.call(GET_FOLLOW, TEXT, &short, &nothing).await;
    refused(&answer.refusal(), Code::DeadlineExceeded, "DEADLINE_EXCEEDED");

    let mut first = Web::http1(server.address).await;
    let started = server.graph.calls().started;
    let headers = [("authorization", bearer.as_str())];
    let (first, second) = tokio::join!(first.call(GET_FOLLOW, BINARY, &headers, &nothing), async {
        server.graph.reach(|calls| calls.started == started + 1).await;
        let second = web.call(GET_FOLLOW, BINARY, &headers, &nothing).await;
        server.graph.release(1);
        second
    });
    first.message::<GetFollowResponse>();
    refused(&second.refusal(), Code::ResourceExhausted, "SERVER_OVERLOADED");
}

// Control: `receive` outside of the translation: the text was a third longer than the message it stands for.
#[tokio::test]
async fn a_message_is_as_large_as_its_bytes_in_either_form() {
    let server = with_web().await;
    let bearer = format!("Bearer {}", server.user_token());
    for form in [BINARY, TEXT] {
        for (bytes, is_taken) in [(MAX_MESSAGE_BYTES, true), (MAX_MESSAGE_BYTES + 1, false)] {
            let mut web = Web::http1(server.address).await;
            let answer = web
                .call(
                    GET_FOLLOW,
                    form,
                    &[("authorization", &bearer)],
                    &vec![0; bytes - PREFIX],
                )
                .await;
            let reason = if is_taken {
                "MESSAGE_UNDECODABLE"
            } else {
                "MESSAGE_TOO_LARGE"
            };
            assert!(answer.refusal().message().starts_with(reason), "{form} {bytes}");
        }
    }
}

/// Of a message of bytes with one field: its tag, and 4 bytes of length.
const PREFIX: usize = 5;

// Control: the preflight behind `authenticate`, by `cors` further in; it was refused.
#[tokio::test]
async fn a_page_may_ask_first_without_a_token() {
    let server = with_web().await;
    for mut web in [Web::http1(server.address).await, Web::http2(server.address).await] {
        let answer = preflight(&mut web, PAGE).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
        let taken = answer.header("access-control-allow-headers").expect("some");
        for name in [
            "authorization",
            "content-type",
            "grpc-timeout",
            "x-grpc-web",
            "x-request-id",
        ] {
            assert!(taken.split(',').any(|taken| taken == name), "{name}: {taken}");
        }
        assert!(
            !taken.contains("x-kith"),
            "what services send is not for pages: {taken}"
        );
    }
}

async fn preflight(web: &mut Web, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "authorization,content-type,x-grpc-web",
        ),
    ];
    let answer = web.send(request("OPTIONS", FOLLOW, &headers, Bytes::new())).await;
    answer.expect("an answer")
}

// Controls: `cors` outside of `let_in`; the preflight was 200, without an id or a line. No look at an answer without id; neither
// had what is no call.
#[tokio::test]
async fn what_is_refused_before_it_is_a_call_has_an_id_and_a_line() {
    let server = with_web().await;
    let webs = [Web::http1(server.address).await, Web::http2(server.address).await];
    for (mut web, id) in webs.into_iter().zip(["misspelt.1", "misspelt.2"]) {
        let misspelt = "https://app.kith.tset";
        let asked = preflight(&mut web, misspelt).await;
        assert_eq!(asked.status, StatusCode::FORBIDDEN);
        let headers = [
            ("origin", misspelt),
            ("content-type", BINARY),
            ("x-request-id", id),
        ];
        let called = web.send(post(FOLLOW, &headers, Bytes::new())).await;
        let called = called.expect("an answer");
        assert_eq!(called.header("x-request-id"), Some(id));
        for answer in [asked, called] {
            let line = line_of(&answer).await;
            assert_eq!(
                (&line["level"], &line["origin"]),
                (&"INFO".into(), &misspelt.into())
            );
        }
        let got = web.send(request("GET", FOLLOW, &[("content-type", BINARY)], Bytes::new()));
        let got = got.await.expect("an answer");
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
        let line = line_of(&got).await;
        assert_eq!((&line["level"], &line["status"]), (&"INFO".into(), &405.into()));
    }
    let mut web = Web::http1(server.address).await;
    let headers = [("content-type", "application/json"), ("origin", PAGE)];
    let posted = web.send(post(FOLLOW, &headers, Bytes::from_static(b"{}"))).await;
    let posted = posted.expect("an answer");
    assert_eq!(posted.status, StatusCode::BAD_REQUEST);
    assert_eq!(line_of(&posted).await["status"], 400);
}

/// The line of an answer that is none of a call.
async fn line_of(answer: &Answer) -> serde_json::Value {
    let id = answer.header("x-request-id").expect("an id");
    line(|line| line["kith.request_id"] == id && line["target"] != "kith::access").await
}

// Control: `let_in` without its look at the origin; the call was made, though its page could not have read the answer.
#[tokio::test]
async fn a_page_of_another_origin_gets_nothing() {
    let server = with_web().await;
    let bearer = format!("Bearer {}", server.user_token());
    for mut web in [Web::http1(server.address).await, Web::http2(server.address).await] {
        for origin in ["https://evil.test", "null", "http://app.kith.test"] {
            let asked = preflight(&mut web, origin).await;
            assert_eq!(asked.header("access-control-allow-origin"), None, "{origin}");
            let headers = [
                ("origin", origin),
                ("content-type", BINARY),
                ("authorization", &bearer),
            ];
            let called = web
                .send(post(FOLLOW, &headers, Bytes::from_static(&[0; 5])))
                .await;
            let called = called.expect("an answer");
            assert_eq!(called.status, StatusCode::FORBIDDEN, "{origin}");
            assert_eq!(called.header("access-control-allow-origin"), None, "{origin}");
            assert!(called.body.is_empty());
        }
    }
    assert_eq!(server.graph.calls().started, 0);
}

#[tokio::test]
async fn what_is_no_page_needs_no_origin() {
    let server = with_web().await;
    let bearer = format!("Bearer {}", server.user_token());
    let headers = [
        ("content-type", BINARY),
        ("accept", BINARY),
        ("authorization", &bearer),
    ];
    let mut web = Web::http1(server.address).await;
    let answer = web
        .send(post(GET_FOLLOW, &headers, Bytes::from_static(&[0; 5])))
        .await;
    answer.expect("an answer").message::<GetFollowResponse>();
}

// Control: `Protocols::Both` always; HTTP/1.1 was answered. The translation is off as well: over HTTP/2 the answer has no
// trailers in its body, and no page may read it.
#[tokio::test]
async fn by_default_there_is_no_grpc_web() {
    let server = TestServer::start().await;
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    let head = format!("POST {GET_FOLLOW} HTTP/1.1\r\nhost: kith.test\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // HTTP/2 says why it goes, or just goes.
    let _ = soon(socket.read_to_end(&mut answer)).await;
    assert!(!answer.starts_with(b"HTTP/1"), "{answer:?}");

    let answer = get_follow(&server, &mut Web::http2(server.address).await, BINARY).await;
    assert_ne!(answer.header("content-type"), Some(BINARY));
    assert!(!answer.body.contains(&0x80), "{:?}", answer.body);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let asked = preflight(&mut Web::http2(server.address).await, PAGE).await;
    assert_eq!(asked.header("access-control-allow-origin"), None);
}

// Control: `receive` without its look at `is_no_text`; it was CANCELLED, as if the caller had gone.
#[tokio::test]
async fn text_that_is_no_base64_cannot_be_decoded() {
    let server = with_web().await;
    let bearer = format!("Bearer {}", server.user_token());
    let headers = [
        ("content-type", TEXT),
        ("accept", TEXT),
        ("authorization", &bearer),
    ];
    for text in ["AAAAAAA!", "AAAAAA"] {
        let mut web = Web::http1(server.address).await;
        let answer = web.send(post(GET_FOLLOW, &headers, Bytes::from(text))).await;
        let refusal = answer.expect("an answer").refusal();
        refused(&refusal, Code::Internal, "MESSAGE_UNDECODABLE");
    }
}

// Control: `let_in` that does not look at how the body ends; the log said MESSAGE_UNDECODABLE.
#[tokio::test]
async fn a_page_that_goes_away_half_way_is_no_defect() {
    let server = with_web().await;
    let (close, closed) = oneshot::channel::<()>();
    let half = stream::once(async { Ok(Frame::data(Bytes::from_static(b"AAAA"))) });
    let cut = stream::once(async {
        let _ = closed.await;
        Err(std::io::Error::other("the page was closed"))
    });
    let request = http::Request::post(GET_FOLLOW)
        .header("content-type", TEXT)
        .header("x-request-id", "half.1")
        .header("authorization", format!("Bearer {}", server.user_token()))
        .body(Body::new(StreamBody::new(half.chain(cut))))
        .expect("a request");
    let connection = server.connect().await;
    let call = tokio::spawn(connection.calls().call(request));
    // An answer to a later call: the server has begun with this one.
    let later = server.by_user(GetFollowRequest::default());
    connection.graph().get_follow(later).await.expect("an answer");
    close.send(()).expect("it waits");
    let line = access_line("half.1").await;
    assert!(line["kith.error.reason"].is_null(), "{line}");
    call.abort();
}

#[tokio::test]
async fn native_calls_go_on_beside_it() {
    let server = with_web().await;
    let request = server.by_user(GetFollowRequest::default());
    let answer = server.connect().await.graph().get_follow(request).await;
    answer.expect("an answer");
}

// Control: `Protocols::alpn` that offers h2 alone; the handshake failed.
#[tokio::test]
async fn over_tls_whoever_speaks_http1_alone_is_let_in() {
    let authority = Authority::new();
    let mount = Mount::of_pair(&authority.pair());
    let server = TestServer::start_with(|options| {
        options.settings.tls = Some(mount.tls());
        options.settings.grpc_web_origins = ours();
    })
    .await;
    let mut config = (*authority.client(None)).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let socket = TcpStream::connect(server.address).await.expect("it listens");
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let tls = connector
        .connect("kith.test".try_into().expect("a name"), socket)
        .await;
    let mut web = Web::http1_over(tls.expect("a handshake")).await;
    get_follow(&server, &mut web, TEXT)
        .await
        .message::<GetFollowResponse>();

    // And who speaks both gets the better one, as gRPC needs it.
    let both = Connection::open_tls(server.address, &authority.client(None)).await;
    let request = server.by_user(GetFollowRequest::default());
    both.graph().get_follow(request).await.expect("an answer");
}

// Control: no `max_buf_size`; the call was answered.
#[tokio::test]
async fn a_head_may_have_16_kib_as_over_http2() {
    let server = with_web().await;
    let bearer = format!("Bearer {}", server.user_token());
    for (filler, expected) in [
        (10, StatusCode::OK),
        (20, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
    ] {
        let filler = "x".repeat(filler * 1024);
        let headers = [
            ("content-type", BINARY),
            ("authorization", &bearer),
            ("x-filler", &filler),
        ];
        let mut web = Web::http1(server.address).await;
        let answer = web
            .send(post(GET_FOLLOW, &headers, Bytes::from_static(&[0; 5])))
            .await;
        assert_eq!(answer.expect("an answer").status, expected);
    }
}

// Control: the layers in the order `receive deadline`; the server waited for the rest.
#[tokio::test]
async fn the_rest_of_a_request_is_waited_for_until_the_deadline() {
    let server = with_web().await;
    let mut socket = TcpStream::connect(server.address).await.expect("it listens");
    let bearer = server.user_token();
    let head = format!(
        "POST {GET_FOLLOW} HTTP/1.1\r\nhost: kith.test\r\ncontent-type: {BINARY}\r\ncontent-length: 100\r\n\
         authorization: Bearer {bearer}\r\ngrpc-timeout: 100m\r\n\r\n\0"
    );
    socket.write_all(head.as_bytes()).await.expect("it reads");
    let mut answer = Vec::new();
    // An answer before the end of the question is the connection's last.
    let _ = soon(socket.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("DEADLINE_EXCEEDED"), "{answer}");
}

// Control: `half_close` of HTTP/1.1; the read went on without its caller.
#[tokio::test]
async fn a_read_ends_when_its_page_is_closed() {
    let server = with_web().await;
    server.graph.plan(Plan::Hang);
    let mut web = Web::http1(server.address).await;
    let closed = tokio::time::timeout(Duration::from_secs(30), async {
        tokio::select! {
            _ = get_follow(&server, &mut web, BINARY) => panic!("it hangs"),
            () = server.graph.reach(|calls| calls.started == 1) => {}
        }
    });
    closed.await.expect("the call begins");
    drop(web);
    server.graph.reach(|calls| calls.abandoned == 1).await;
}

// Control: `speak` without `graceful_shutdown`; the server waited for the drain timeout, a minute.
#[tokio::test]
async fn a_page_that_is_idle_does_not_keep_the_server_up() {
    let server = with_web().await;
    let mut web = Web::http1(server.address).await;
    get_follow(&server, &mut web, BINARY)
        .await
        .message::<GetFollowResponse>();
    server.stop().await;
}
