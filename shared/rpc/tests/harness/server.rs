use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use kith_contracts::{identity, social_graph};
use kith_primitives::{ServiceId, UserId};
use kith_rpc::{Authentication, Latch, Listeners, Readiness, ServeError, Server, ServerSettings, listen};
use kith_telemetry::Metrics;
use kith_tokens::{Issuer, SharedKeys, SigningKey, Verifier, VerifyingKeys};
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Request;
use tonic::metadata::AsciiMetadataKey;
use tonic::service::Routes;

use super::{Connection, Graph, Identity, soon};

/// `iss` and `aud` of all tokens.
pub(crate) const ISSUER: &str = "kith-test";

/// What a test wants otherwise.
pub(crate) struct Options {
    pub(crate) settings: ServerSettings,
    /// Where it listens, by default on 127.0.0.1.
    pub(crate) listen_address: SocketAddr,
    /// Whether the server is ready from the start.
    pub(crate) ready: bool,
    /// The keys that verify tokens; `None` for that of its own issuer.
    pub(crate) keys: Option<SharedKeys>,
}

/// The server as it ships, on a port of its own.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) graph: Graph,
    pub(crate) latch: Latch,
    pub(crate) issuer: Issuer,
    pub(crate) shutdown: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

impl TestServer {
    /// Serves the fake social graph.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let graph = Graph::new();
        let name = social_graph::v1::social_graph_service_server::SERVICE_NAME;
        Self::serve(name, graph.routes(), graph, change).await
    }

    /// Serves the fake identity.
    pub(crate) async fn of_identity(identity: &Identity) -> Self {
        Self::of_identity_with(identity, |_| {}).await
    }

    pub(crate) async fn of_identity_with(identity: &Identity, change: impl FnOnce(&mut Options)) -> Self {
        let name = identity::v1::identity_service_server::SERVICE_NAME;
        Self::serve(name, identity.routes(), Graph::new(), change).await
    }

    async fn serve(
        service: &'static str,
        routes: Routes,
        graph: Graph,
        change: impl FnOnce(&mut Options),
    ) -> Self {
        super::capture_logs();
        let settings = ServerSettings {
            // Longer than any test waits: nothing ends because of it where something else should have ended it.
            default_deadline: Duration::from_secs(60),
            drain_timeout: Duration::from_secs(60),
            ..ServerSettings::default()
        };
        let mut options = Options {
            settings,
            listen_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ready: true,
            keys: None,
        };
        change(&mut options);
        let key = SigningKey::generate().expect("random");
        let keys = options.keys.unwrap_or_else(|| {
            let own = SharedKeys::new();
            own.replace(VerifyingKeys::new([key.public_key()]), Instant::now());
            own
        });
        let verifier = Verifier::new(ISSUER, ISSUER).expect("our provider");
        let (readiness, shutdown) = (Readiness::new(), CancellationToken::new());
        let latch = readiness.latch("test");
        latch.set(options.ready);
        let server = Server {
            service,
            routes,
            settings: options.settings,
            authentication: Authentication { verifier, keys },
            readiness,
            metrics: Metrics::new("test"),
            shutdown: shutdown.clone(),
        };
        let listener = listen(options.listen_address).expect("a port");
        let admin = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        let server = Self {
            address: listener.local_addr().expect("an address"),
            admin: admin.local_addr().expect("an address"),
            graph,
            latch,
            issuer: Issuer::new(key, ISSUER, ISSUER).expect("our provider"),
            shutdown,
            served: tokio::spawn(server.serve(Listeners {
                calls: listener,
                admin: Some(admin),
            })),
        };
        // It begins, and has read its files before a test changes them.
        tokio::task::yield_now().await;
        server
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Tells it to stop and returns once it has.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.stopped().await;
    }

    /// Returns once it has stopped.
    pub(crate) async fn stopped(self) {
        soon(self.served).await.expect("no panic").expect("a good end");
    }

    /// The token of user 7.
    pub(crate) fn user_token(&self) -> String {
        let issued = self.issuer.user(UserId::from_database(7), "session");
        issued.expect("a token").token.expose_secret().to_owned()
    }

    /// The token of service 3.
    pub(crate) fn service_token(&self, scopes: &[&str]) -> String {
        let issued = self
            .issuer
            .service(ServiceId::from_database(3), scopes.iter().copied());
        issued.expect("a token").token.expose_secret().to_owned()
    }

    /// A request of user 7.
    pub(crate) fn by_user<M>(&self, message: M) -> Request<M> {
        with(
            Request::new(message),
            "authorization",
            &format!("Bearer {}", self.user_token()),
        )
    }
}

/// `request` with one more header.
pub(crate) fn with<M>(mut request: Request<M>, name: &str, value: &str) -> Request<M> {
    let name: AsciiMetadataKey = name.parse().expect("a name");
    request
        .metadata_mut()
        .append(name, value.parse().expect("a value"));
    request
}

/// `request` with a deadline that the server alone holds.
pub(crate) fn within<M>(request: Request<M>, timeout: Duration) -> Request<M> {
    with(request, "grpc-timeout", &format!("{}u", timeout.as_micros()))
}
