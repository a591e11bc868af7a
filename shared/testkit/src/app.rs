//! The services of Kith, running in this process on a database of their own.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use kith_client::{Channel, TlsFiles};
use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{
    AuthenticateRequest, BatchImportUsersRequest, ImportedUser, RegisterRequest, authenticate_request,
};
use kith_contracts::messaging::v1::messaging_service_client::MessagingServiceClient;
use kith_contracts::posts::v1::posts_service_client::PostsServiceClient;
use kith_contracts::social_graph::v1::social_graph_service_client::SocialGraphServiceClient;
use kith_identity::settings::SWEEP_INTERVAL;
use kith_identity::{IdentitySettings, ThrottleSettings};
use kith_messaging::MessagingSettings;
use kith_postgres::PoolSettings;
use kith_posts::PostsSettings;
use kith_primitives::{ServiceId, UserId};
use kith_rpc::{ServerSettings, TokenSettings};
use kith_schema::Role;
use kith_service::ServiceSettings;
use kith_social_graph::{FriendSettings, SocialGraphSettings};
use kith_tokens::{Issuer, SigningKey, SigningKeys};
use secrecy::SecretString;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::callers::Credentials;
use crate::services::{ANYWHERE, Served, Services};
use crate::{Bearer, Caller, TestDatabase, TestUser};

/// A client of a caller.
type Authenticated = InterceptedService<Channel, Credentials>;

/// What a test may want otherwise.
#[derive(Clone, Debug)]
pub struct AppOptions {
    /// The pool of each service. By default 8 connections, for which a call waits longer than any busy machine takes.
    pub pool: PoolSettings,
    /// How the services serve. By default as they ship, but for calls that name no deadline: they have a minute, so that a
    /// busy machine fails none.
    pub server: ServerSettings,
    /// What friend requests are held to.
    pub friends: FriendSettings,
    /// How often what has had its time is removed.
    pub sweep_interval: Duration,
    /// How often what needs no token may be tried. By default as often as anybody likes.
    pub throttles: ThrottleSettings,
    /// The keys that identity holds; the first signs. By default a new one.
    pub signing_keys: Option<SigningKeys>,
    /// The file that identity reads them from again. By default none.
    pub signing_keys_file: Option<PathBuf>,
    /// How often identity looks for new and removed keys.
    pub signing_keys_interval: Duration,
    /// How often the other services do.
    pub signing_keys_fetch_interval: Duration,
}

impl Default for AppOptions {
    fn default() -> Self {
        Self {
            pool: PoolSettings {
                size: 8,
                checkout_timeout: Duration::from_secs(60),
                connect_timeout: Duration::from_secs(30),
                ..PoolSettings::default()
            },
            server: ServerSettings {
                default_deadline: Duration::from_secs(60),
                ..ServerSettings::default()
            },
            friends: FriendSettings::default(),
            sweep_interval: SWEEP_INTERVAL,
            throttles: ThrottleSettings::default(),
            signing_keys: None,
            signing_keys_file: None,
            signing_keys_interval: kith_identity::settings::SIGNING_KEYS_INTERVAL,
            signing_keys_fetch_interval: Duration::from_secs(60),
        }
    }
}

/// The four services with all their layers, and callers of every kind.
#[derive(Debug)]
pub struct TestApp {
    /// The database that all work on.
    pub database: TestDatabase,
    signing_key: SigningKey,
    issuer: Issuer,
    services: Services,
    identity: Served,
    identity_settings: IdentitySettings,
    social_graph: Served,
    posts: Served,
    posts_settings: PostsSettings,
    messaging: Served,
    messaging_settings: MessagingSettings,
}

impl TestApp {
    /// Starts the services as they ship.
    pub async fn start() -> Self {
        Self::start_with(AppOptions::default()).await
    }

    /// Starts the services with other settings.
    pub async fn start_with(options: AppOptions) -> Self {
        let database = TestDatabase::create().await;
        let mut services = Services::default();
        let identity_settings = identity_settings(&database, &options);
        let identity = services.identity(identity_settings.clone());
        let service = |role| ServiceSettings {
            listen_address: ANYWHERE,
            admin_listen_address: Some(ANYWHERE),
            database_url: database.url(role),
            pool: options.pool.clone(),
            server: options.server.clone(),
            tokens: identity_settings.tokens.clone(),
            identity_url: format!("http://{}", identity.address),
            identity_tls: TlsFiles::default(),
            signing_keys_interval: options.signing_keys_fetch_interval,
        };
        let social_graph = SocialGraphSettings {
            service: service(Role::SocialGraph),
            friends: options.friends,
        };
        let posts_settings = PostsSettings {
            service: service(Role::Posts),
        };
        let messaging_settings = MessagingSettings {
            service: service(Role::Messaging),
        };
        let signing_key = identity_settings.signing_keys.first().clone();
        let TokenSettings { issuer, audience } = &identity_settings.tokens;
        let app = Self {
            issuer: Issuer::new(signing_key.clone(), issuer, audience).expect("an issuer"),
            signing_key,
            identity,
            identity_settings,
            social_graph: services.social_graph(social_graph),
            posts: services.posts(posts_settings.clone()),
            posts_settings,
            messaging: services.messaging(messaging_settings.clone()),
            messaging_settings,
            services,
            database,
        };
        for service in [&app.identity, &app.social_graph, &app.posts, &app.messaging] {
            ready(service.channel.clone()).await;
        }
        app
    }

    /// Stops the services as a signal does, and returns once they have drained: every write that had begun is done.
    pub async fn shut_down(&mut self) {
        self.services.shut_down().await;
    }

    /// Identity, as `caller`.
    pub fn identity(&self, caller: &impl Caller) -> IdentityServiceClient<Authenticated> {
        IdentityServiceClient::with_interceptor(self.identity.channel.clone(), Credentials::of(caller))
    }

    /// Identity, as somebody without token sees it who calls from `address`, for example 127.0.0.2.
    pub fn identity_from(&self, address: IpAddr) -> IdentityServiceClient<tonic::transport::Channel> {
        let endpoint = Endpoint::from_shared(self.identity_url()).expect("a URL");
        IdentityServiceClient::new(endpoint.local_address(Some(address)).connect_lazy())
    }

    /// Where identity is, for services that run as processes of their own. They trust it for issuer and audience `kith-test`.
    pub fn identity_url(&self) -> String {
        format!("http://{}", self.identity.address)
    }

    /// Starts another identity on the same database, with keys of its own, and answers a channel to it. It may never be
    /// ready. Of the options, those count that concern keys.
    pub fn start_replica(&mut self, options: &AppOptions, signing_keys: SigningKeys) -> Channel {
        let settings = IdentitySettings {
            signing_keys,
            signing_keys_file: options.signing_keys_file.clone(),
            signing_keys_interval: options.signing_keys_interval,
            ..self.identity_settings.clone()
        };
        self.services.identity(settings).channel
    }

    /// Starts another identity beside the first, as a replica: the two share nothing but the database and the key.
    pub async fn replica(&mut self) -> IdentityServiceClient<Channel> {
        let channel = self.services.identity(self.identity_settings.clone()).channel;
        ready(channel.clone()).await;
        IdentityServiceClient::new(channel)
    }

    /// Social-graph, as `caller`.
    pub fn social_graph(&self, caller: &impl Caller) -> SocialGraphServiceClient<Authenticated> {
        SocialGraphServiceClient::with_interceptor(self.social_graph.channel.clone(), Credentials::of(caller))
    }

    /// Posts, as `caller`.
    pub fn posts(&self, caller: &impl Caller) -> PostsServiceClient<Authenticated> {
        Self::posts_at(&self.posts.channel, caller)
    }

    /// The posts at the other end of `channel`, as `caller`.
    pub fn posts_at(channel: &Channel, caller: &impl Caller) -> PostsServiceClient<Authenticated> {
        PostsServiceClient::with_interceptor(channel.clone(), Credentials::of(caller))
    }

    /// Starts another posts beside the first, as a replica: the two share nothing but the database.
    pub async fn posts_replica(&mut self) -> Channel {
        let channel = self.services.posts(self.posts_settings.clone()).channel;
        ready(channel.clone()).await;
        channel
    }

    /// Messaging, as `caller`.
    pub fn messaging(&self, caller: &impl Caller) -> MessagingServiceClient<Authenticated> {
        Self::messaging_at(&self.messaging.channel, caller)
    }

    /// The messaging at the other end of `channel`, as `caller`.
    pub fn messaging_at(channel: &Channel, caller: &impl Caller) -> MessagingServiceClient<Authenticated> {
        MessagingServiceClient::with_interceptor(channel.clone(), Credentials::of(caller))
    }

    /// Starts another messaging beside the first, as a replica: the two share nothing but the database.
    pub async fn messaging_replica(&mut self) -> Channel {
        let channel = self.services.messaging(self.messaging_settings.clone()).channel;
        ready(channel.clone()).await;
        channel
    }

    /// The bare connections, by the package of the service, such as `kith.posts.v1`.
    pub fn channel(&self, service: &str) -> Channel {
        self.served(service).channel.clone()
    }

    /// Where a service is, by its package, for clients that make connections of their own.
    pub fn url(&self, service: &str) -> String {
        format!("http://{}", self.served(service).address)
    }

    /// Where a service, by its package, serves health and metrics.
    pub fn admin_address(&self, service: &str) -> SocketAddr {
        self.served(service).admin
    }

    fn served(&self, service: &str) -> &Served {
        match service.split('.').nth(1) {
            Some("identity") => &self.identity,
            Some("social_graph") => &self.social_graph,
            Some("posts") => &self.posts,
            Some("messaging") => &self.messaging,
            _ => panic!("no service is called {service}"),
        }
    }

    /// The key that the services trust, for tokens that no issuer would make.
    pub fn signing_key(&self) -> &SigningKey {
        &self.signing_key
    }

    /// Signs tokens that the services accept.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Somebody without token.
    pub fn nobody(&self) -> Bearer {
        Bearer(None)
    }

    /// A service with these scopes.
    pub fn operator(&self, scopes: &[&str]) -> Bearer {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned());
        Bearer(Some(
            self.issuer
                .service(ServiceId::from_database(1), scopes)
                .expect("a token")
                .token,
        ))
    }

    /// A new user without password, and a token of its own.
    pub async fn user(&self, username: &str) -> TestUser {
        self.users(&[username]).await.remove(0)
    }

    /// New users without password, each with a token of its own.
    pub async fn users(&self, usernames: &[&str]) -> Vec<TestUser> {
        let users = usernames.iter().map(|username| ImportedUser {
            username: (*username).to_owned(),
            ..Default::default()
        });
        let request = BatchImportUsersRequest {
            users: users.collect(),
            allow_existing: false,
        };
        let operator = self.operator(&["identity.users.import"]);
        let answer = self
            .identity(&operator)
            .batch_import_users(request)
            .await
            .expect("an import")
            .into_inner();
        let user = |outcome| match outcome {
            Some(Outcome::User(user)) => self.signed_in(user.id, &user.username),
            other => panic!("not imported: {other:?}"),
        };
        answer
            .results
            .into_iter()
            .map(|result| user(result.outcome))
            .collect()
    }

    /// A token for a user that there is.
    pub fn signed_in(&self, id: i64, username: &str) -> TestUser {
        let token = self
            .issuer
            .user(UserId::from_database(id), "test-session")
            .expect("a token")
            .token;
        TestUser {
            id,
            username: username.to_owned(),
            token,
        }
    }

    /// A user that registered with a password and signed in, as people do.
    pub async fn registered(&self, username: &str, password: &str) -> TestUser {
        let mut client = self.identity(&self.nobody());
        let request = RegisterRequest {
            username: username.to_owned(),
            password: password.to_owned(),
            ..Default::default()
        };
        client.register(request).await.expect("a registration");
        let request = AuthenticateRequest {
            identifier: Some(authenticate_request::Identifier::Username(username.to_owned())),
            password: password.to_owned(),
            device_label: String::new(),
        };
        let answer = client.authenticate(request).await.expect("a token").into_inner();
        let id = answer.user.map(|user| user.id).unwrap_or_default();
        TestUser {
            id,
            username: username.to_owned(),
            token: SecretString::from(answer.access_token),
        }
    }
}

fn identity_settings(database: &TestDatabase, options: &AppOptions) -> IdentitySettings {
    let new_key = || SigningKey::generate().expect("a key").into();
    IdentitySettings {
        listen_address: ANYWHERE,
        admin_listen_address: Some(ANYWHERE),
        database_url: database.url(Role::Identity),
        pool: options.pool.clone(),
        server: options.server.clone(),
        tokens: TokenSettings {
            issuer: "kith-test".to_owned(),
            audience: "kith-test".to_owned(),
        },
        signing_keys: options.signing_keys.clone().unwrap_or_else(new_key),
        signing_keys_file: options.signing_keys_file.clone(),
        signing_keys_interval: options.signing_keys_interval,
        session_lifetime: Duration::from_secs(3600),
        password_hashes_at_once: 2,
        sweep_interval: options.sweep_interval,
        throttles: options.throttles.clone(),
    }
}

/// Returns once health says SERVING.
pub async fn ready(channel: Channel) {
    health_becomes(channel, ServingStatus::Serving).await;
}

/// Returns once health says NOT_SERVING.
pub async fn not_ready(channel: Channel) {
    health_becomes(channel, ServingStatus::NotServing).await;
}

async fn health_becomes(channel: Channel, status: ServingStatus) {
    let request = HealthCheckRequest {
        service: String::new(),
    };
    let mut changes = HealthClient::new(channel)
        .watch(request)
        .await
        .expect("health answers")
        .into_inner();
    while let Some(answer) = changes.message().await.expect("health goes on") {
        if answer.status() == status {
            return;
        }
    }
    panic!("health ended");
}
