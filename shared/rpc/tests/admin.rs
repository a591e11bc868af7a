//! The admin port: who asks what, and that nobody keeps the others out.

use std::net::SocketAddr;

use kith_contracts::social_graph::v1::GetFollowRequest;
use kith_rpc::{Listeners, admin_listen_address, listen};
use kith_settings::{Environment, Program, Reader, Setting, Topic, load};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus::{self, NotServing, Serving};

use crate::harness::{Connection, Plan, TestServer, ask, soon};

const SERVICE: &str = "kith.social_graph.v1.SocialGraphService";

async fn health(server: &TestServer, service: &str) -> ServingStatus {
    let admin = Connection::open(server.admin).await;
    let request = HealthCheckRequest {
        service: service.to_owned(),
    };
    let answer = admin.health().check(request).await;
    answer.expect("health answers").into_inner().status()
}

// Control: `readyz` that never looks at readiness; it was 200 from the start.
#[tokio::test]
async fn what_is_missing_is_told_while_the_process_counts_as_alive() {
    let server = TestServer::start_with(|options| options.ready = false).await;
    for (is_there, status, body) in [(false, 503, "test: not ready\n"), (true, 200, "ready\n")] {
        server.latch.set(is_there);
        let answer = server.get("/readyz").await;
        assert_eq!((answer.status, answer.body.as_str()), (status, body));
        assert_eq!(server.get("/livez").await.status, 200);
        let value = Some(f64::from(u8::from(is_there)));
        assert_eq!(server.metric("kith_ready").await, value);
        let part = r#"kith_dependency_ready{dependency="test"}"#;
        assert_eq!(server.metric(part).await, value);
    }
}

// Control: a router without `health`; the answer was UNIMPLEMENTED's 404.
#[tokio::test]
async fn health_is_that_of_the_port_for_calls_and_is_asked_without_encryption() {
    let server = TestServer::start_with(|options| options.ready = false).await;
    let admin = Connection::open(server.admin).await;
    let request = HealthCheckRequest {
        service: SERVICE.to_owned(),
    };
    let changes = admin.health().watch(request).await;
    let mut changes = changes.expect("health answers").into_inner();
    for (is_there, status) in [(false, NotServing), (true, Serving), (false, NotServing)] {
        server.latch.set(is_there);
        let change = soon(changes.message()).await.expect("health goes on");
        assert_eq!(change.expect("health goes on").status(), status);
        assert_eq!(health(&server, "").await, status);
        assert_eq!(health(&server, SERVICE).await, status);
    }
}

// Control: `is_ready` without its look at the shutdown; /readyz stayed 200.
#[tokio::test]
async fn it_answers_to_the_end_of_the_drain_and_holds_nothing_up() {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Hang);
    let connection = server.connect().await;
    let (mut client, request) = (connection.graph(), server.by_user(GetFollowRequest::default()));
    let call = tokio::spawn(async move { client.get_follow(request).await });
    server.graph.reach(|calls| calls.started == 1).await;
    // One that is silent, and one that watches for ever.
    let _silent = TcpStream::connect(server.admin).await.expect("it listens");
    let admin = Connection::open(server.admin).await;
    let request = HealthCheckRequest::default();
    let _changes = admin.health().watch(request).await.expect("health answers");

    server.shutdown.cancel();
    soon(async {
        while TcpStream::connect(server.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let answer = server.get("/readyz").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "the service is stopping\n")
    );
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.metric("kith_ready").await, Some(0.0));
    assert_eq!(health(&server, "").await, NotServing);

    server.graph.release(1);
    soon(call).await.expect("no panic").expect("its answer");
    let address = server.admin;
    server.stopped().await;
    soon(async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn it_takes_nothing_and_tells_what_there_is_to_ask() {
    let server = TestServer::start().await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ask(server.admin, method, "/metrics").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.headers.contains("GET, HEAD"), "{}", answer.headers);
    }
    let head = ask(server.admin, "HEAD", "/readyz").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let unknown = server.get("/").await;
    assert_eq!(unknown.status, 404);
    for path in ["/metrics", "/livez", "/readyz", "grpc.health.v1"] {
        assert!(unknown.body.contains(path), "{}", unknown.body);
    }
    let metrics = server.get("/metrics").await;
    assert!(
        metrics
            .headers
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        metrics.headers
    );
    // Headers without end are not kept.
    let long = format!("/{}", "x".repeat(64 * 1024));
    assert!(ask(server.admin, "GET", &long).await.status >= 400);
}

// Control: `serve` that closes none when there are 64; the probe got no answer.
#[tokio::test]
async fn whoever_holds_connections_open_keeps_nobody_out() {
    let server = TestServer::start().await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(server.admin).await.expect("it listens"));
    }
    assert_eq!(server.get("/livez").await.status, 200);
    // The oldest made room.
    let end = soon(silent[0].read_u8()).await;
    assert!(end.is_err(), "{end:?}");
}

const CALLS: Setting = Setting::new("demo-listen-address", "where it listens").default("127.0.0.1:50051");
const ADMIN: Setting =
    Setting::new("demo-admin-listen-address", "where it is watched").value("an address, or off");

struct Addresses(Option<SocketAddr>);

impl Topic for Addresses {
    fn settings() -> Vec<&'static Setting> {
        vec![&CALLS, &ADMIN]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let calls = reader.value(&CALLS);
        admin_listen_address(reader, &ADMIN, 50061, calls).map(Self)
    }
}

#[test]
fn it_is_on_loopback_elsewhere_or_off() {
    let at = |flags: &[&str]| {
        let program = Program {
            name: "demo",
            version: "1",
            about: "",
        };
        let arguments = ["demo"].iter().chain(flags).map(Into::into);
        match load::<Addresses>(&program, arguments, &Environment::from([])) {
            Ok(Addresses(address)) => address.map_or("off".to_owned(), |address| address.to_string()),
            Err(error) => error.mistakes()[0].to_string(),
        }
    };
    assert_eq!(at(&[]), "127.0.0.1:50061");
    let any = ["--demo-listen-address", "127.0.0.1:0"];
    assert_eq!(at(&any), "127.0.0.1:0");
    let given = ["--demo-admin-listen-address", "0.0.0.0:9090"];
    assert_eq!(at(&given), "0.0.0.0:9090");
    assert_eq!(at(&[any, given].concat()), "0.0.0.0:9090");
    assert_eq!(at(&["--demo-admin-listen-address", "off"]), "off");
    let mistake = at(&["--demo-admin-listen-address", "9090"]);
    assert!(
        mistake.contains("neither an address with a port nor off"),
        "{mistake}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_setting() {
    let any = "127.0.0.1:0".parse().expect("an address");
    let taken = listen(any).expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = Listeners::bind((&CALLS, any), (&ADMIN, Some(address))).expect_err("taken");
    let text = error.to_string();
    assert!(text.contains(&format!("cannot listen on {address}")), "{text}");
    assert!(text.contains("KITH_DEMO_ADMIN_LISTEN_ADDRESS"), "{text}");
    let off = Listeners::bind((&CALLS, any), (&ADMIN, None)).expect("a port");
    assert!(off.admin.is_none());
}
