//! Traces and metrics of real processes and of the shipped client, as a collector gets them.

mod collector;
mod tree;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use kith_client::Channel;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::*;
use kith_contracts::social_graph::v1::GetCountsRequest;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_schema::Role;
use kith_settings::{Environment, Program, load};
use kith_telemetry::{Exporters, LogFormat, LogSettings, OtlpSettings, subscriber};
use kith_testkit::{Bearer, Credentials, TestDatabase, ready};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::client::Grpc;
use tonic::{Code, Request};
use tonic_prost::ProstCodec;
use tracing::subscriber::DefaultGuard;

use self::collector::{Collector, Received};
use self::tree::{Tree, names};
use crate::processes::{Process, channel, eventually};
use crate::replicas::KeyFile;

const PASSWORD: &str = "correct horse";
const REGISTER: &str = "kith.identity.v1.IdentityService/Register";
const GET_USER: &str = "kith.identity.v1.IdentityService/GetUser";
const GET_COUNTS: &str = "kith.social_graph.v1.SocialGraphService/GetCounts";
const LIST_KEYS: &str = "kith.identity.v1.IdentityService/ListSigningKeys";

/// An identity process that is told these variables too.
struct Identity {
    process: Process,
    database: TestDatabase,
    _keys: KeyFile,
    address: String,
    channel: Channel,
}

impl Identity {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let (database, keys) = (TestDatabase::create().await, KeyFile::new(1));
        let url = database.url(Role::Identity).expose();
        let environment = [
            ("KITH_IDENTITY_DATABASE_URL", url.as_str()),
            ("KITH_IDENTITY_LISTEN_ADDRESS", "127.0.0.1:0"),
            ("KITH_SIGNING_KEY_FILE", keys.path()),
        ];
        let environment = [&environment, variables].concat();
        let process = Process::start(env!("CARGO_BIN_EXE_e2e-identity"), &environment);
        let address = process.address().await;
        let channel = channel(&address);
        ready(channel.clone()).await;
        Self {
            process,
            database,
            _keys: keys,
            address,
            channel,
        }
    }

    fn client(&self) -> IdentityServiceClient<Channel> {
        IdentityServiceClient::new(self.channel.clone())
    }

    /// Registers alice and answers her id and her token.
    async fn alice(&self) -> (i64, Bearer) {
        let request = RegisterRequest {
            username: "alice".to_owned(),
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        let answer = self.client().register(request).await.expect("a registration");
        let user = answer.into_inner().account.and_then(|account| account.user);
        let request = AuthenticateRequest {
            identifier: Some(authenticate_request::Identifier::Username("alice".to_owned())),
            password: PASSWORD.to_owned(),
            device_label: String::new(),
        };
        let answer = self
            .client()
            .authenticate(request)
            .await
            .expect("a session")
            .into_inner();
        (user.expect("a user").id, Bearer(Some(answer.access_token.into())))
    }

    async fn get_user(&self, caller: &Bearer, user_id: i64) -> Result<(), Code> {
        let mut client =
            IdentityServiceClient::with_interceptor(self.channel.clone(), Credentials::of(caller));
        let answer = client.get_user(GetUserRequest { user_id }).await;
        answer.map(drop).map_err(|status| status.code())
    }
}

/// Exports the spans of this test's own calls, as a program does that has the shipped client and telemetry of Kith.
struct Traced {
    exporters: Exporters,
    _guard: DefaultGuard,
}

impl Traced {
    fn to(collector: &Collector) -> Self {
        let program = Program {
            name: "caller",
            version: "1",
            about: "",
        };
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()),
            ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ];
        let environment = Environment::from([
            (variables[0].0, &*variables[0].1),
            (variables[1].0, &*variables[1].1),
        ]);
        let settings: OtlpSettings = load(&program, ["caller".into()], &environment).expect("settings");
        let exporters = Exporters::start(&settings, program.name, program.version).expect("exporters");
        let logs = LogSettings {
            format: LogFormat::Json,
            filter: "off".parse().expect("a filter"),
        };
        let subscriber = subscriber(&logs, std::io::sink, exporters.spans());
        Self {
            exporters,
            _guard: tracing::dispatcher::set_default(&subscriber),
        }
    }

    fn finish(self) {
        self.exporters.finish();
    }
}

/// The variables of a process that exports to `url`, at once.
fn exporting(url: &str) -> [(&str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "20"),
    ]
}

#[track_caller]
fn assert_attributes<const N: usize>(span: &Received, wanted: [(&str, Option<&str>); N]) {
    for (name, value) in wanted {
        assert_eq!(
            span.attribute(name).as_deref(),
            value,
            "{name} of {:?}",
            span.span
        );
    }
}

#[tokio::test]
async fn a_call_is_one_tree_from_the_client_down_to_the_statement() {
    let collector = Collector::start();
    let url = collector.url();
    let resource = ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    let identity = Identity::start(&[&exporting(&url)[..], &[resource]].concat()).await;
    let traced = Traced::to(&collector);
    identity.alice().await;
    traced.finish();
    identity.process.stop().await;

    let tree = Tree::with_root(&collector.spans(), REGISTER);
    let client = tree.root();
    let server = tree.only_below(client);
    let (host, port) = identity.address.split_once(':').expect("an address");
    for (span, service, kind) in [
        (client, "caller", SpanKind::Client),
        (server, "kith-identity", SpanKind::Server),
    ] {
        assert_eq!(
            (span.service(), span.kind(), span.is_error()),
            (service, kind, false)
        );
        assert_eq!((span.span.name.as_str(), span.scope.as_str()), (REGISTER, "kith"));
        assert_attributes(
            span,
            [
                ("rpc.system.name", Some("grpc")),
                ("rpc.method", Some(REGISTER)),
                ("rpc.status_code", Some("OK")),
                ("error.type", None),
            ],
        );
    }
    assert_attributes(
        client,
        [("server.address", Some(host)), ("server.port", Some(port))],
    );

    let below = tree.below(server);
    let names = names(&below);
    assert_eq!(names[0], "pool_checkout");
    let create = [
        "begin",
        "user_create",
        "profile_create",
        "credential_create",
        "commit",
    ];
    assert!(names.ends_with(&create.map(str::to_owned)), "{names:?}");
    for span in &below {
        let is_statement = span.span.name != "pool_checkout";
        let kind = if is_statement {
            SpanKind::Client
        } else {
            SpanKind::Internal
        };
        assert_eq!((span.kind(), span.is_error()), (kind, false), "{:?}", span.span);
        assert_attributes(
            span,
            [
                ("db.system.name", Some("postgresql")),
                ("db.query.summary", is_statement.then_some(&*span.span.name)),
                ("db.namespace", Some(identity.database.name())),
            ],
        );
        assert!(span.attribute("server.address").is_some());
        assert!(tree.below(span).is_empty());
        assert!(span.span.start_time_unix_nano >= server.span.start_time_unix_nano);
        assert!(span.span.end_time_unix_nano <= server.span.end_time_unix_nano);
    }
    for (name, value) in [
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
        ("telemetry.sdk.language", "rust"),
    ] {
        assert_eq!(server.resource[name], value);
    }
    assert!(!server.resource["service.instance.id"].is_empty());
    // What the service asks by itself makes no traces: each of them began with a call.
    let spans = collector.spans();
    let roots = spans.iter().filter(|span| span.span.parent_span_id.is_empty());
    assert!(
        roots
            .clone()
            .all(|root| root.kind() != SpanKind::Internal && root.attribute("rpc.method").is_some())
    );
}

// Each is the control of the others: one of the caller, two of the server.
#[tokio::test]
async fn an_error_of_the_caller_is_none_of_the_server_and_one_of_the_server_is() {
    let collector = Collector::start();
    let url = collector.url();
    let identity = Identity::start(&exporting(&url)).await;
    let (_, alice) = identity.alice().await;
    let traced = Traced::to(&collector);
    assert_eq!(identity.get_user(&alice, i64::MAX).await, Err(Code::NotFound));
    let no_method = "/kith.identity.v1.IdentityService/Forget"
        .parse()
        .expect("a path");
    let mut client = Grpc::new(identity.channel.clone());
    client.ready().await.expect("a channel");
    let codec = ProstCodec::<GetUserRequest, GetUserResponse>::default();
    let answer = client
        .unary(Request::new(GetUserRequest::default()), no_method, codec)
        .await;
    assert_eq!(answer.expect_err("refused").code(), Code::Unimplemented);
    shut_out(&identity.database).await;
    assert_eq!(identity.get_user(&alice, 1).await, Err(Code::Unavailable));
    traced.finish();
    identity.process.stop().await;

    let spans = collector.spans();
    let of_status = |code: &str| {
        let client = spans.iter().find(|span| {
            span.service() == "caller" && span.attribute("rpc.status_code").as_deref() == Some(code)
        });
        let tree = Tree::of(
            &spans,
            &client
                .unwrap_or_else(|| panic!("no call ended {code}"))
                .span
                .trace_id,
        );
        let (client, server) = (tree.root().clone(), tree.only_below(tree.root()).clone());
        // For the client, whatever is not OK is an error.
        assert!(client.is_error());
        assert_attributes(&client, [("error.type", Some(code))]);
        assert_attributes(&server, [("rpc.status_code", Some(code))]);
        (tree, server)
    };
    let (tree, server) = of_status("NOT_FOUND");
    assert!(!server.is_error());
    assert_attributes(&server, [("error.type", None)]);
    // Nor is a statement that finds no row.
    let below = tree.below(&server);
    assert!(
        names(&below).len() == 2 && below.iter().all(|span| !span.is_error()),
        "{below:?}"
    );

    let (_, server) = of_status("UNIMPLEMENTED");
    assert!(server.is_error());
    assert_attributes(
        &server,
        [
            ("error.type", Some("UNIMPLEMENTED")),
            ("rpc.method", Some("_OTHER")),
        ],
    );
    assert_eq!(server.span.name, "grpc");

    let (_, server) = of_status("UNAVAILABLE");
    assert!(server.is_error() && server.span.name == GET_USER);
    assert_attributes(&server, [("error.type", Some("UNAVAILABLE"))]);
}

/// Takes the database away.
async fn shut_out(database: &TestDatabase) {
    let name = database.name();
    let sql = format!(
        "ALTER DATABASE \"{name}\" CONNECTION LIMIT 0; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    );
    let mut superuser = database.superuser().await;
    superuser.batch_execute(&sql).await.expect("to shut it");
}

#[tokio::test]
async fn a_service_that_calls_another_is_one_tree_with_it() {
    let collector = Collector::start();
    let url = collector.url();
    let identity = Identity::start(&exporting(&url)).await;
    let (user_id, alice) = identity.alice().await;
    let database_url = identity.database.url(Role::SocialGraph).expose();
    let identity_url = format!("http://{}", identity.address);
    let variables = [
        ("KITH_SOCIAL_GRAPH_DATABASE_URL", database_url.as_str()),
        ("KITH_SOCIAL_GRAPH_LISTEN_ADDRESS", "127.0.0.1:0"),
        ("KITH_IDENTITY_URL", &identity_url),
        ("OTEL_SERVICE_NAME", "graph"),
    ];
    let variables = [&variables, &exporting(&url)[..]].concat();
    let process = Process::start(env!("CARGO_BIN_EXE_e2e-social-graph"), &variables);
    let social_graph = channel(&process.address().await);
    ready(social_graph.clone()).await;
    let traced = Traced::to(&collector);
    let mut client = SocialGraphServiceClient::with_interceptor(social_graph, Credentials::of(&alice));
    client
        .get_counts(GetCountsRequest { user_id })
        .await
        .expect("counts");
    traced.finish();
    process.stop().await;
    identity.process.stop().await;

    // It asked for keys by itself before it was ready.
    let keys = Tree::with_root(&collector.spans(), LIST_KEYS);
    let (asking, asked) = (keys.root(), keys.only_below(keys.root()));
    assert_eq!((asking.service(), asking.kind()), ("graph", SpanKind::Client));
    assert_eq!(
        (asked.service(), asked.kind()),
        ("kith-identity", SpanKind::Server)
    );
    assert_eq!(names(&keys.below(asked)), ["pool_checkout", "signing_keys_page"]);

    let counts = Tree::with_root(&collector.spans(), GET_COUNTS);
    let server = counts.only_below(counts.root());
    assert_eq!((server.service(), server.kind()), ("graph", SpanKind::Server));
    assert_eq!(names(&counts.below(server))[0], "pool_checkout");
}

#[tokio::test]
async fn metrics_arrive_with_the_names_of_the_conventions() {
    let collector = Collector::start();
    let url = collector.url();
    let identity = Identity::start(&exporting(&url)).await;
    identity.alice().await;
    identity.process.stop().await;
    let metrics = collector.metrics();
    for name in [
        "rpc.server.call.duration",
        "db.client.connection.count",
        "db.client.connection.max",
        "db.client.connection.wait_time",
        "db.client.operation.duration",
    ] {
        let resource = metrics
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", metrics.keys()));
        assert_eq!(resource["service.name"], "kith-identity");
    }
}

/// What a collector gets of a process with these variables that is called, and ends.
async fn received(collector: &Collector, variables: &[(&str, &str)]) -> (usize, usize) {
    let url = collector.url();
    let identity = Identity::start(&[&exporting(&url)[..], variables].concat()).await;
    identity.alice().await;
    identity.process.stop().await;
    (collector.spans().len(), collector.metrics().len())
}

#[tokio::test]
async fn signals_are_turned_off_together_and_one_by_one() {
    let nothing: (usize, usize) = (0, 0);
    let of = async |variables: &[(&str, &str)]| received(&Collector::start(), variables).await;
    // The control of what follows.
    assert!(matches!(of(&[]).await, (1.., 1..)));
    assert_eq!(of(&[("OTEL_SDK_DISABLED", "true")]).await, nothing);
    assert!(matches!(of(&[("OTEL_METRICS_EXPORTER", "none")]).await, (1.., 0)));
    assert!(matches!(of(&[("OTEL_TRACES_EXPORTER", "none")]).await, (0, 1..)));
}

#[tokio::test]
async fn exports_carry_the_headers_and_may_be_compressed() {
    let collector = Collector::start();
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-test=a%20secret");
    let counts = received(&collector, &[headers, ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")]).await;
    assert!(matches!(counts, (1.., 1..)));
    let headers = collector.headers();
    assert!(
        headers.iter().all(|header| header.as_deref() == Some("a secret")),
        "{headers:?}"
    );
}

// The SDK's own sampler, which decides for those that no caller decided for.
#[tokio::test]
async fn a_sampler_decides_for_calls_of_untraced_callers_alone() {
    let collector = Collector::start();
    let url = collector.url();
    let sampler = ("OTEL_TRACES_SAMPLER", "parentbased_always_off");
    let identity = Identity::start(&[&exporting(&url)[..], &[sampler]].concat()).await;
    let (id, alice) = identity.alice().await;
    let traced = Traced::to(&collector);
    assert_eq!(identity.get_user(&alice, id).await, Ok(()));
    traced.finish();
    identity.process.stop().await;
    let of_identity = |spans: &[Received]| {
        let mut counts = BTreeMap::new();
        for span in spans.iter().filter(|span| span.kind() == SpanKind::Server) {
            *counts.entry(span.span.name.clone()).or_insert(0) += 1;
        }
        counts
    };
    assert_eq!(
        of_identity(&collector.spans()),
        BTreeMap::from([(GET_USER.to_owned(), 1)])
    );
}

/// Takes connections and says nothing.
fn hanging() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    (listener.local_addr().expect("an address"), listener)
}

// An export may take 40 seconds here, and the process ends without it, as it says.
#[tokio::test]
async fn a_collector_that_hangs_delays_neither_calls_nor_the_end() {
    let (address, _listener) = hanging();
    let url = format!("http://{address}");
    let patient = [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "40000"),
        // Full after the first span.
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
    ];
    let identity = Identity::start(&[&exporting(&url)[..], &patient].concat()).await;
    let (id, alice) = identity.alice().await;
    for _ in 0..100 {
        assert_eq!(identity.get_user(&alice, id).await, Ok(()));
    }
    let began = Instant::now();
    let said = identity.process.stop().await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(said.contains("could not be exported"), "{said}");
}

#[tokio::test]
async fn a_collector_that_is_away_costs_a_line_and_is_used_when_it_comes() {
    let (address, listener) = hanging();
    drop(listener);
    let url = format!("http://{address}");
    let identity =
        Identity::start(&[&exporting(&url)[..], &[("OTEL_METRICS_EXPORTER", "none")]].concat()).await;
    let (id, alice) = identity.alice().await;
    let said = async |text: &str| {
        eventually(text, async || {
            // Something to be exported.
            assert_eq!(identity.get_user(&alice, id).await, Ok(()));
            identity.process.said().contains(text).then_some(())
        })
        .await;
    };
    said("the collector takes no exports").await;
    let collector = Collector::start_at(address);
    said("the collector takes exports again").await;
    let said = identity.process.stop().await;
    assert_eq!(said.matches("takes no exports").count(), 1, "{said}");
    assert!(!collector.spans().is_empty());
}

#[tokio::test]
async fn a_variable_that_cannot_be_followed_ends_a_process_before_it_serves() {
    let keys = KeyFile::new(1);
    let environment = [
        (
            "KITH_IDENTITY_DATABASE_URL",
            "postgres://kith_identity@127.0.0.1/kith",
        ),
        ("KITH_SIGNING_KEY_FILE", keys.path()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
    ];
    let process = Process::start(env!("CARGO_BIN_EXE_e2e-identity"), &environment);
    let (code, said) = process.outcome().await;
    assert_eq!(code, Some(2), "{said}");
    for variable in [
        "OTEL_EXPORTER_OTLP_PROTOCOL: must be grpc",
        "OTEL_TRACES_SAMPLER: must be always_on",
    ] {
        assert!(said.contains(variable), "{said}");
    }
}
