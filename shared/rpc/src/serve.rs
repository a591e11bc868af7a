//! From a listener to a served port, and from the shutdown signal to an orderly end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kith_tokens::{SharedKeys, Verifier};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tower::ServiceExt;

use crate::health::{self, Readiness};
use crate::layers::{self, Shared};
use crate::methods::{Audience, Method, Methods};
use crate::reflection;
use crate::settings::ServerSettings;

/// Streams that one connection may have open at once. tonic would set no bound.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Resets by our own errors after which a connection is closed (CVE-2023-44487's relatives); hyper's default.
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 1024;
/// Bytes of headers in a request.
const MAX_HEADER_LIST_SIZE: u32 = 16 * 1024;
/// How often a silent connection is asked whether it lives, and how long it may think about it.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Pause after a failed accept: running out of descriptors would otherwise turn the loop hot.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// How a server learns who calls.
#[derive(Clone, Debug)]
pub struct Authentication {
    /// What a good token says of itself.
    pub verifier: Verifier,
    /// The keys that sign good tokens.
    pub keys: SharedKeys,
}

/// One service on one port.
pub struct Server {
    /// The full name of the gRPC service.
    pub service: &'static str,
    /// Its RPCs.
    pub routes: Routes,
    /// How to serve.
    pub settings: ServerSettings,
    /// Who calls.
    pub authentication: Authentication,
    /// What it needs; health follows this.
    pub readiness: Readiness,
    /// Cancelled when it is time to stop.
    pub shutdown: CancellationToken,
}

/// A server that could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptor set of the contracts is broken.
    #[error("the contracts' descriptors cannot be read")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    /// Reflection refused the descriptor set.
    #[error("reflection cannot be set up")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The listener has no address.
    #[error("the listener has no address")]
    Listener(#[source] std::io::Error),
}

impl Server {
    /// Serves `listener` until `shutdown`, then drains: health says NOT_SERVING, calls are still taken for the
    /// shutdown delay, then connections are told to go away and calls may finish within the drain timeout.
    ///
    /// # Errors
    /// [`ServeError`] before the first connection; afterwards it ends well.
    pub async fn serve(self, listener: TcpListener) -> Result<(), ServeError> {
        let Self {
            service,
            routes,
            settings,
            authentication,
            readiness,
            shutdown,
        } = self;
        let (reporter, health_server) = tonic_health::server::health_reporter();
        health::set(&reporter, service, false).await;
        let methods = health_methods(Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET)?);
        let routes = routes.add_service(health_server);
        let address = listener.local_addr().map_err(ServeError::Listener)?;
        let reflection = settings.reflection_at(address);
        let (routes, methods) = reflection::add(reflection, service, routes, methods)?;

        let mutations = TaskTracker::new();
        let shared = Arc::new(Shared {
            methods,
            verifier: authentication.verifier,
            keys: authentication.keys,
            readiness: readiness.clone(),
            mutations: mutations.clone(),
            default_deadline: settings.default_deadline,
            max_deadline: settings.max_deadline,
        });
        let router = layers::wrap(routes.into_axum_router(), &shared);
        let health = tokio::spawn(health::report(reporter, service, readiness, shutdown.clone()));

        let connections = Connections::new(router);
        connections
            .accept(&listener, &shutdown, settings.shutdown_delay)
            .await
            .drain(listener, settings.drain_timeout)
            .await;
        mutations.close();
        if timeout(settings.drain_timeout, mutations.wait()).await.is_err() {
            tracing::warn!(
                service,
                unfinished = mutations.len(),
                "mutations did not finish in time"
            );
        }
        health.abort();
        Ok(())
    }
}

fn health_methods(methods: Methods) -> Methods {
    ["Check", "Watch", "List"]
        .into_iter()
        .fold(methods, |methods, name| {
            methods.with(Method {
                name: format!("grpc.health.v1.Health/{name}"),
                service: "grpc.health.v1.Health".to_owned(),
                audience: Audience::Open,
                scope: String::new(),
                read_only: true,
            })
        })
}

/// The open connections of a server.
struct Connections {
    router: Router,
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    fn new(router: Router) -> Self {
        Self {
            router,
            tasks: JoinSet::new(),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Takes connections until `shutdown` and `delay` have passed.
    async fn accept(mut self, listener: &TcpListener, shutdown: &CancellationToken, delay: Duration) -> Self {
        let end = async {
            shutdown.cancelled().await;
            sleep(delay).await;
        };
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return self,
                accepted = listener.accept() => match accepted {
                    Ok((socket, _)) => self.serve(socket),
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_BACK_OFF).await;
                    }
                },
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    fn serve(&mut self, socket: TcpStream) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection went away at once");
            return;
        }
        let service = self
            .router
            .clone()
            .map_request(|request: Request<Incoming>| request.map(axum::body::Body::new));
        let connection = builder().serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
        let connection = self.graceful.watch(connection);
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended badly");
            }
        });
    }

    /// Tells every connection to go away, and closes those that did not within `limit`.
    async fn drain(self, listener: TcpListener, limit: Duration) {
        // Closed first, so that new clients are refused and go elsewhere.
        drop(listener);
        let Self {
            mut tasks, graceful, ..
        } = self;
        if timeout(limit, graceful.shutdown()).await.is_err() {
            tracing::warn!(open = tasks.len(), "connections did not close in time");
            tasks.shutdown().await;
        }
    }
}

fn builder() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESET_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_SIZE)
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1);
    builder
}
