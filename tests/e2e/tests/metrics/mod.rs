//! What the admin ports of the services tell, after real calls on a real database.

mod exposition;

use std::net::SocketAddr;

use diesel_async::SimpleAsyncConnection;
use kith_contracts::identity::v1::GetUserRequest;
use kith_contracts::messaging::v1::SendMessageRequest;
use kith_contracts::posts::v1::{CreatePostRequest, GetPostRequest};
use kith_contracts::social_graph::v1::FollowRequest;
use kith_postgres::DatabaseUrl;
use kith_testkit::{TestApp, TestUser, cluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::Code;

use crate::processes::eventually;
use exposition::Exposition;

const SERVICES: [(&str, &str); 4] = [
    ("identity", "kith.identity.v1"),
    ("social-graph", "kith.social_graph.v1"),
    ("posts", "kith.posts.v1"),
    ("messaging", "kith.messaging.v1"),
];

/// Every metric that dashboards and alerts may rely on, with its type.
const METRICS: [(&str, &str); 25] = [
    ("grpc_server_started_total", "counter"),
    ("grpc_server_handled_total", "counter"),
    ("grpc_server_handling_seconds", "histogram"),
    ("db_client_connection_count", "gauge"),
    ("db_client_connection_max", "gauge"),
    ("db_client_connection_pending_requests", "gauge"),
    ("db_client_connection_wait_time_seconds", "histogram"),
    ("db_client_connection_timeouts_total", "counter"),
    ("db_client_operation_duration_seconds", "histogram"),
    ("kith_db_retries_total", "counter"),
    ("kith_calls_refused_total", "counter"),
    ("kith_server_connections", "gauge"),
    ("kith_server_accept_errors_total", "counter"),
    ("kith_undecodable_messages_total", "counter"),
    ("kith_ready", "gauge"),
    ("kith_dependency_ready", "gauge"),
    ("kith_signing_keys_age_seconds", "gauge"),
    ("kith_build_info", "gauge"),
    ("process_cpu_seconds_total", "counter"),
    ("process_resident_memory_bytes", "gauge"),
    ("process_virtual_memory_bytes", "gauge"),
    ("process_open_fds", "gauge"),
    ("process_max_fds", "gauge"),
    ("process_start_time_seconds", "gauge"),
    ("process_threads", "gauge"),
];

/// The status and the body of an answer.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.expect("somebody listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: kith\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.expect("it listens");
    let mut text = String::new();
    socket.read_to_string(&mut text).await.expect("an answer");
    let (headers, body) = text.split_once("\r\n\r\n").expect("headers");
    let status = headers.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), body.to_owned())
}

async fn scrape(app: &TestApp, package: &str) -> Exposition {
    let (status, text) = get(app.admin_address(package), "/metrics").await;
    assert_eq!(status, 200, "{text}");
    Exposition::parse(&text)
}

/// A call of each service by `user`, who follows and writes to `other`; all of them go well.
async fn call_all(app: &TestApp, user: &TestUser, other: &TestUser) {
    let request = GetUserRequest { user_id: user.id };
    app.identity(user).get_user(request).await.expect("a user");
    let request = FollowRequest {
        user_id: other.id,
        ..FollowRequest::default()
    };
    app.social_graph(user).follow(request).await.expect("a follow");
    let request = CreatePostRequest {
        content: "Hello".to_owned(),
        ..CreatePostRequest::default()
    };
    app.posts(user).create_post(request).await.expect("a post");
    let request = SendMessageRequest {
        receiver_id: other.id,
        content: "Hello".to_owned(),
        ..SendMessageRequest::default()
    };
    app.messaging(user)
        .send_message(request)
        .await
        .expect("a message");
}

// Control: a name in `METRICS` that there is not.
#[tokio::test(flavor = "multi_thread")]
async fn every_service_tells_every_metric_in_the_format_of_prometheus() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob"]).await;
    call_all(&app, &users[0], &users[1]).await;
    for (service, package) in SERVICES {
        let metrics = scrape(&app, package).await;
        for (name, kind) in METRICS {
            assert_eq!(metrics.kind(name), Some(kind), "{name} of {service}");
        }
        assert_eq!(metrics.sum("kith_build_info", &[("service", service)]), Some(1.0));
        assert_eq!(metrics.sum("kith_ready", &[]), Some(1.0));
        let age = metrics.sum("kith_signing_keys_age_seconds", &[]).expect("keys");
        assert!((0.0..120.0).contains(&age), "{age}");
        // Each has its own calls and nobody else's, though all are in one process.
        let owners = metrics.values("grpc_server_handled_total", "grpc_service");
        let foreign = |owner: &&&str| owner.starts_with("kith.") && !owner.starts_with(package);
        assert_eq!(owners.iter().find(foreign), None, "{service}");
        let calls = metrics.sum("grpc_server_handling_seconds_count", &[]);
        let handled = metrics.sum("grpc_server_handled_total", &[]);
        assert_eq!(calls, handled, "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_statements_and_connections_are_counted_as_they_were() {
    let app = TestApp::start().await;
    let users = app.users(&["alice", "bob", "carol"]).await;
    for user in &users[1..] {
        call_all(&app, user, &users[0]).await;
    }
    let nobody = GetPostRequest { post_id: i64::MAX };
    let missing = app
        .posts(&users[0])
        .get_post(nobody)
        .await
        .expect_err("there is none");
    assert_eq!(missing.code(), Code::NotFound);

    let posts = scrape(&app, "kith.posts.v1").await;
    let handled = |method, code| {
        let labels = [
            ("grpc_type", "unary"),
            ("grpc_service", "kith.posts.v1.PostsService"),
            ("grpc_method", method),
            ("grpc_code", code),
        ];
        posts.sum("grpc_server_handled_total", &labels)
    };
    assert_eq!(handled("CreatePost", "OK"), Some(2.0));
    assert_eq!(handled("GetPost", "NotFound"), Some(1.0));
    assert_eq!(handled("GetPost", "OK"), Some(0.0));
    let seconds = "db_client_operation_duration_seconds_count";
    for (query, count) in [("post_create", 2.0), ("posts_find", 1.0)] {
        let counted = posts.sum(seconds, &[("db_query_summary", query)]);
        assert_eq!(counted, Some(count), "{query}");
    }
    let [idle, used, max, pending] = [
        posts.sum("db_client_connection_count", &[("state", "idle")]),
        posts.sum("db_client_connection_count", &[("state", "used")]),
        posts.sum("db_client_connection_max", &[]),
        posts.sum("db_client_connection_pending_requests", &[]),
    ]
    .map(|value| value.expect("a pool"));
    assert_eq!((used, max, pending), (0.0, 8.0, 0.0));
    assert!((1.0..=max).contains(&idle), "{idle}");
    let waits = posts.sum("db_client_connection_wait_time_seconds_count", &[]);
    assert!(waits.is_some_and(|waits| waits >= 3.0), "{waits:?}");
    assert_eq!(posts.sum("db_client_connection_timeouts_total", &[]), Some(0.0));
    let reasons = posts.values("kith_db_retries_total", "reason");
    assert!(reasons.contains("deadlock"), "{reasons:?}");

    let graph = scrape(&app, "kith.social_graph.v1").await;
    let follows = [("grpc_method", "Follow"), ("grpc_code", "OK")];
    assert_eq!(graph.sum("grpc_server_handled_total", &follows), Some(2.0));
}

/// As superuser, beside the database of the test.
async fn administer(sql: &str) {
    let url = DatabaseUrl::parse(&cluster().superuser_url("postgres")).expect("a URL");
    let mut conn = url.connect().await.expect("the private server answers");
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_its_database_is_alive_and_says_what_it_lacks() {
    let app = TestApp::start().await;
    let name = app.database.name();
    let package = "kith.posts.v1";
    let readyz = async |wanted: (u16, &str)| {
        eventually("readiness follows the database", async || {
            let answer = get(app.admin_address(package), "/readyz").await;
            (answer == (wanted.0, wanted.1.to_owned())).then_some(())
        })
        .await;
    };
    readyz((200, "ready\n")).await;
    administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
    administer(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ))
    .await;
    readyz((503, "database: not ready\n")).await;
    assert_eq!(get(app.admin_address(package), "/livez").await.0, 200);
    let database = |metrics: &Exposition| {
        let labels = [("dependency", "database")];
        [
            metrics.sum("kith_ready", &[]),
            metrics.sum("kith_dependency_ready", &labels),
        ]
    };
    assert_eq!(database(&scrape(&app, package).await), [Some(0.0); 2]);
    administer(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
    readyz((200, "ready\n")).await;
    assert_eq!(database(&scrape(&app, package).await), [Some(1.0); 2]);
}
