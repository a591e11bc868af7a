//! The services in this process.

use std::fmt;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::time::Duration;

use kith_client::{Channel, TlsFiles};
use kith_identity::IdentitySettings;
use kith_identity::settings::{self as identity, SIGNING_KEYS_INTERVAL, SWEEP_INTERVAL};
use kith_messaging::{MessagingSettings, settings as messaging};
use kith_postgres::DatabaseUrl;
use kith_posts::{PostsSettings, settings as posts};
use kith_rpc::process::AnyError;
use kith_schema::Role;
use kith_service::ServiceSettings;
use kith_social_graph::{SocialGraphSettings, settings as social_graph};
use kith_tokens::SigningKeys;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::UpSettings;
use super::settings::{IDENTITY_ADDRESS, MESSAGING_ADDRESS, POSTS_ADDRESS, SOCIAL_GRAPH_ADDRESS};
use crate::data_directory::DataDirectory;
use crate::run_file::RunFile;

/// How long a service may take to become ready once its database is.
const READY_WITHIN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);

/// The ports of all services, taken before anything else is started.
#[derive(Debug)]
pub(crate) struct Listeners {
    identity: kith_rpc::Listeners,
    social_graph: kith_rpc::Listeners,
    posts: kith_rpc::Listeners,
    messaging: kith_rpc::Listeners,
}

impl Listeners {
    /// Takes them.
    pub(crate) fn bind(settings: &UpSettings) -> Result<Self, AnyError> {
        let admin = &settings.admin_addresses;
        let bind = kith_rpc::Listeners::bind;
        Ok(Self {
            identity: bind(
                (&IDENTITY_ADDRESS, settings.identity_address),
                (&identity::ADMIN_LISTEN_ADDRESS, admin.identity),
            )?,
            social_graph: bind(
                (&SOCIAL_GRAPH_ADDRESS, settings.social_graph_address),
                (&social_graph::ADMIN_LISTEN_ADDRESS, admin.social_graph),
            )?,
            posts: bind(
                (&POSTS_ADDRESS, settings.posts_address),
                (&posts::ADMIN_LISTEN_ADDRESS, admin.posts),
            )?,
            messaging: bind(
                (&MESSAGING_ADDRESS, settings.messaging_address),
                (&messaging::ADMIN_LISTEN_ADDRESS, admin.messaging),
            )?,
        })
    }

    /// Where metrics are, less what is off.
    pub(crate) fn metrics(&self) -> Result<Vec<String>, AnyError> {
        let services = [&self.identity, &self.social_graph, &self.posts, &self.messaging];
        let admins = services.into_iter().filter_map(|service| service.admin.as_ref());
        admins
            .map(|admin| Ok(format!("{}/metrics", url(admin.local_addr()?))))
            .collect()
    }

    /// What others need to know of the services that will listen here.
    pub(crate) fn facts(&self, settings: &UpSettings) -> Result<RunFile, AnyError> {
        Ok(RunFile {
            pid: std::process::id(),
            identity: url(self.identity.calls.local_addr()?),
            social_graph: url(self.social_graph.calls.local_addr()?),
            posts: url(self.posts.calls.local_addr()?),
            messaging: url(self.messaging.calls.local_addr()?),
            tokens: settings.tokens.clone(),
        })
    }
}

/// Where a caller on this machine reaches what listens on `address`.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let loopback = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)).ip();
        address.set_ip(if address.is_ipv4() {
            loopback
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    format!("http://{address}")
}

/// The services that run.
#[derive(Debug)]
pub(crate) struct Services {
    tasks: JoinSet<(&'static str, Result<(), AnyError>)>,
    shutdown: CancellationToken,
}

/// A service that ended although nobody asked it to.
#[derive(Debug)]
pub(crate) struct Ended {
    service: &'static str,
    reason: String,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended by itself: {}", self.service, self.reason)
    }
}

impl Services {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Starts identity, and once that is ready the others, which ask it for keys. Returns once all are ready.
    pub(crate) async fn start(
        &mut self,
        settings: &UpSettings,
        owner: &DatabaseUrl,
        directory: &DataDirectory,
        signing_keys: SigningKeys,
        listeners: Listeners,
    ) -> Result<(), AnyError> {
        let facts = listeners.facts(settings)?;
        let shutdown = self.shutdown.clone();
        let identity = identity_settings(settings, owner, directory, signing_keys);
        self.spawn(
            "identity",
            kith_identity::run(identity, listeners.identity, shutdown.clone()),
        );
        self.ready("identity", &facts.identity).await?;

        let service = |role, listen_address| ServiceSettings {
            listen_address,
            // The listeners are what counts.
            admin_listen_address: None,
            database_url: settings.roles.url(role, owner),
            pool: settings.pool.clone(),
            server: settings.server.clone(),
            tokens: settings.tokens.clone(),
            identity_url: facts.identity.clone(),
            identity_tls: TlsFiles::default(),
            signing_keys_interval: settings.signing_keys_interval,
        };
        let social_graph = SocialGraphSettings {
            service: service(Role::SocialGraph, settings.social_graph_address),
            friends: settings.friends,
        };
        self.spawn(
            "social-graph",
            kith_social_graph::run(social_graph, listeners.social_graph, shutdown.clone()),
        );
        let posts = PostsSettings {
            service: service(Role::Posts, settings.posts_address),
        };
        self.spawn("posts", kith_posts::run(posts, listeners.posts, shutdown.clone()));
        let messaging = MessagingSettings {
            service: service(Role::Messaging, settings.messaging_address),
        };
        self.spawn(
            "messaging",
            kith_messaging::run(messaging, listeners.messaging, shutdown),
        );
        self.ready("social-graph", &facts.social_graph).await?;
        self.ready("posts", &facts.posts).await?;
        self.ready("messaging", &facts.messaging).await
    }

    fn spawn(
        &mut self,
        name: &'static str,
        service: impl Future<Output = Result<(), AnyError>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, service.await) });
    }

    /// Returns once the service says that it is ready.
    async fn ready(&mut self, service: &str, url: &str) -> Result<(), AnyError> {
        let seconds = READY_WITHIN.as_secs();
        let late =
            || format!("{service} is not ready after {seconds} s; its log lines above say what it waits for");
        tokio::select! {
            ended = self.ended() => Err(ended.to_string().into()),
            serving = timeout(READY_WITHIN, serving(kith_client::channel(url)?)) => serving.map_err(|_| late().into()),
        }
    }

    /// Returns when a service has ended.
    pub(crate) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next().await {
            None => pending().await,
            Some(joined) => why(joined),
        }
    }

    /// Has every service drain, and waits for that.
    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

fn identity_settings(
    settings: &UpSettings,
    owner: &DatabaseUrl,
    directory: &DataDirectory,
    signing_keys: SigningKeys,
) -> IdentitySettings {
    IdentitySettings {
        listen_address: settings.identity_address,
        // The listeners are what counts.
        admin_listen_address: None,
        database_url: settings.roles.url(Role::Identity, owner),
        pool: settings.pool.clone(),
        server: settings.server.clone(),
        tokens: settings.tokens.clone(),
        signing_keys,
        // Read again when it changes, so that `kith admin signing-keys new` takes effect.
        signing_keys_file: Some(directory.signing_key_file()),
        signing_keys_interval: SIGNING_KEYS_INTERVAL,
        session_lifetime: settings.session_lifetime,
        password_hashes_at_once: settings.password_hashes_at_once,
        sweep_interval: SWEEP_INTERVAL,
        throttles: settings.throttles.clone(),
    }
}

fn why(joined: Result<(&'static str, Result<(), AnyError>), JoinError>) -> Ended {
    match joined {
        Ok((service, Ok(()))) => Ended {
            service,
            reason: "it gave no reason".to_owned(),
        },
        Ok((service, Err(error))) => Ended {
            service,
            reason: kith_primitives::chain(&*error),
        },
        Err(error) => Ended {
            service: "a service",
            reason: error.to_string(),
        },
    }
}

/// Returns once health says SERVING.
async fn serving(channel: Channel) {
    let mut health = HealthClient::new(channel);
    loop {
        let answer = health
            .check(HealthCheckRequest {
                service: String::new(),
            })
            .await;
        if answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
            return;
        }
        sleep(POLL).await;
    }
}
