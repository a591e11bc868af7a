//! From a listener to a served port, and from the shutdown signal to an orderly end.

use std::future::Future;
use std::sync::Arc;

use kith_telemetry::{CallType, Metrics};
use kith_tokens::{SharedKeys, Verifier};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tonic::service::Routes;

use crate::admin::{self, Watched};
use crate::connections::{Connections, Lifetime, Protocols};
use crate::counted::Counted;
use crate::grpc_web;
use crate::health::{self, Readiness};
use crate::layers::{self, Shared};
use crate::limits::Limits;
use crate::methods::{Audience, Method, Methods};
use crate::reflection;
use crate::settings::ServerSettings;
use crate::tls::{self, Tls, TlsError};
use crate::{Listeners, MAX_UNCOUNTED_MESSAGE_BYTES};

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
    /// What is counted of it.
    pub metrics: Metrics,
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
    /// TLS cannot be made of its files.
    #[error("the file for TLS {0}")]
    Tls(#[from] TlsError),
}

impl Server {
    /// Serves until `shutdown`, then drains: health says NOT_SERVING, calls are still taken for the shutdown delay, then
    /// streams end, connections are told to go away, and calls may finish within the drain timeout. The admin port is
    /// served to the end of all that, and holds nothing up.
    ///
    /// # Errors
    /// [`ServeError`] before the first connection; afterwards it ends well.
    pub async fn serve(self, listeners: Listeners) -> Result<(), ServeError> {
        let contracts = Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET)?;
        let methods = contracts.of_service(self.service);
        self.serve_methods(methods, listeners).await
    }

    async fn serve_methods(self, methods: Methods, listeners: Listeners) -> Result<(), ServeError> {
        let Listeners {
            calls: listener,
            admin,
        } = listeners;
        let (service, settings) = (self.service, self.settings);
        let (reporter, health_server) = tonic_health::server::health_reporter();
        health::set(&reporter, service, false).await;
        let address = listener.local_addr().map_err(ServeError::Listener)?;
        let reflection = settings.reflection_at(address);
        let health_server = health_server.max_decoding_message_size(MAX_UNCOUNTED_MESSAGE_BYTES);
        let watched = Watched {
            metrics: self.metrics.clone(),
            readiness: self.readiness.clone(),
            shutdown: self.shutdown.clone(),
        };
        watched.tell_metrics(&self.authentication.keys);
        let admin_router = admin::router(watched, health_server.clone());
        // Ends with the server, and so after the last call.
        let _admin =
            admin.map(|listener| AbortOnDropHandle::new(tokio::spawn(admin::serve(listener, admin_router))));
        let routes = self.routes.add_service(health_server);
        let (routes, methods) = reflection::add(reflection, service, routes, health_methods(methods))?;

        let (drain, mutations) = (CancellationToken::new(), TaskTracker::new());
        let shared = Arc::new(Shared {
            counted: Counted::new(&methods, &self.metrics),
            methods,
            verifier: self.authentication.verifier,
            keys: self.authentication.keys,
            readiness: self.readiness.clone(),
            limits: Limits::new(&settings, self.metrics.clone()),
            drain: drain.clone(),
            mutations: mutations.clone(),
            default_deadline: settings.default_deadline,
            max_deadline: settings.max_deadline,
        });
        let lifetime = Lifetime::of(&settings);
        let web = settings.grpc_web_origins;
        let protocols = if web.is_some() {
            Protocols::Both
        } else {
            Protocols::Http2
        };
        let tls = settings
            .tls
            .map(|files| Tls::load(files, protocols))
            .transpose()?
            .map(Arc::new);
        let router = layers::wrap(routes.into_axum_router(), &shared);
        let router = match &web {
            Some(origins) => grpc_web::wrap(router, origins),
            None => router,
        };
        let connections = Connections::new(router, tls.clone(), protocols, lifetime, self.metrics);
        let accept = connections.accept(&listener, &self.shutdown, settings.shutdown_delay);
        let report = health::report(reporter, service, self.readiness, self.shutdown.clone());
        let (connections, ()) = tokio::join!(following(tls, accept), report);

        let deadline = Instant::now() + settings.drain_timeout;
        drain.cancel();
        connections.drain(listener, deadline).await;
        mutations.close();
        if timeout_at(deadline, mutations.wait()).await.is_err() {
            let unfinished = mutations.len();
            tracing::warn!(service, unfinished, "mutations did not finish in time");
        }
        Ok(())
    }
}

/// Runs `work` while certificates follow their files.
async fn following<F: Future>(tls: Option<Arc<Tls>>, work: F) -> F::Output {
    let Some(tls) = tls else {
        return work.await;
    };
    tokio::select! {
        done = work => done,
        never = tls.follow_files(tls::RELOAD_INTERVAL) => match never {},
    }
}

fn health_methods(methods: Methods) -> Methods {
    ["Check", "Watch"].into_iter().fold(methods, |methods, name| {
        methods.with(Method {
            name: format!("grpc.health.v1.Health/{name}"),
            service: "grpc.health.v1.Health".to_owned(),
            audience: Audience::Open,
            scope: String::new(),
            read_only: true,
            call_type: CallType::of(false, name == "Watch"),
        })
    })
}

#[cfg(test)]
mod tests {
    use kith_client::{BearerToken, channel};
    use kith_contracts::social_graph::v1::GetFollowRequest;
    use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
    use kith_contracts::social_graph::v1::social_graph_service_server::SERVICE_NAME;
    use kith_primitives::UserId;
    use kith_tokens::{Issuer, SigningKey, VerifyingKeys};
    use tokio::net::TcpListener;
    use tonic::service::interceptor::InterceptedService;
    use tonic_types::StatusExt;

    use super::*;

    /// The method as its contract would be without `option (kith.access.v1.access)`.
    fn without_rule(path: &str) -> Methods {
        let contracts = Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
        let method = contracts.find(path).expect("a method");
        contracts.with(Method {
            audience: Audience::Unspecified,
            ..Arc::unwrap_or_clone(method)
        })
    }

    // Control: `check` without its look at Unspecified; the call came as far as the routes, of which there are none.
    #[tokio::test]
    async fn a_method_without_rule_is_denied_to_a_caller_with_a_good_token() {
        let key = SigningKey::generate().expect("random");
        let keys = SharedKeys::new();
        keys.replace(VerifyingKeys::new([key.public_key()]), std::time::Instant::now());
        let readiness = Readiness::new();
        readiness.latch("test").set(true);
        let server = Server {
            service: SERVICE_NAME,
            routes: Routes::default(),
            settings: ServerSettings::default(),
            authentication: Authentication {
                verifier: Verifier::new("iss", "aud").expect("our provider"),
                keys,
            },
            readiness,
            metrics: Metrics::new("test"),
            shutdown: CancellationToken::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let methods = without_rule("/kith.social_graph.v1.SocialGraphService/GetFollow");
        tokio::spawn(server.serve_methods(methods, listener.into()));

        let issuer = Issuer::new(key, "iss", "aud").expect("our provider");
        let token = issuer.user(UserId::from_database(1), "s").expect("a token").token;
        let channel = channel(&format!("http://{address}")).expect("a URL");
        let bearer = BearerToken::new(&token).expect("ASCII");
        let mut client = SocialGraphServiceClient::new(InterceptedService::new(channel, bearer));
        let status = client
            .get_follow(GetFollowRequest::default())
            .await
            .expect_err("denied");
        assert_eq!(status.code(), tonic::Code::PermissionDenied);
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.as_str());
        assert_eq!(reason, Some("ACCESS_RULE_MISSING"));
    }
}
