//! What `kith up` is told.

use std::net::SocketAddr;
use std::time::Duration;

use kith_identity::ThrottleSettings;
use kith_identity::settings::{self as identity, HASHES_AT_ONCE, SESSION_LIFETIME};
use kith_messaging::settings as messaging;
use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_posts::settings as posts;
use kith_rpc::{PlaintextServerSettings, SIGNING_KEYS_INTERVAL, ServerSettings, TokenSettings};
use kith_settings::{Reader, Setting, Topic};
use kith_social_graph::{FriendSettings, settings as social_graph};

use crate::data_directory::DataDirectory;
use crate::roles::RoleSettings;

/// The owner's URL.
pub(crate) const DATABASE_URL: Setting = Setting::new(
    "database-url",
    "the database as its owner sees it, who may create roles: no private PostgreSQL then",
)
.value("a postgres:// URL")
.or_variable("DATABASE_URL")
.secret();
pub(super) const IDENTITY_ADDRESS: Setting =
    identity::LISTEN_ADDRESS.value("an address and port, such as 127.0.0.1:50051; port 0 takes a free one");
pub(super) const SOCIAL_GRAPH_ADDRESS: Setting = social_graph::LISTEN_ADDRESS
    .value("an address and port, such as 127.0.0.1:50052; port 0 takes a free one");
pub(super) const POSTS_ADDRESS: Setting =
    posts::LISTEN_ADDRESS.value("an address and port, such as 127.0.0.1:50053; port 0 takes a free one");
pub(super) const MESSAGING_ADDRESS: Setting =
    messaging::LISTEN_ADDRESS.value("an address and port, such as 127.0.0.1:50054; port 0 takes a free one");

/// Where each service serves health and metrics; `None` for nowhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminAddresses {
    pub(super) identity: Option<SocketAddr>,
    pub(super) social_graph: Option<SocketAddr>,
    pub(super) posts: Option<SocketAddr>,
    pub(super) messaging: Option<SocketAddr>,
}

impl AdminAddresses {
    /// `calls` is where they listen, in the order of the fields.
    fn read(reader: &mut Reader<'_>, calls: [Option<SocketAddr>; 4]) -> Option<Self> {
        let mut read = |setting, port, calls| kith_rpc::admin_listen_address(reader, setting, port, calls);
        let [identity, social_graph, posts, messaging] = calls;
        let identity = read(&identity::ADMIN_LISTEN_ADDRESS, identity::ADMIN_PORT, identity);
        let social_graph = read(
            &social_graph::ADMIN_LISTEN_ADDRESS,
            social_graph::ADMIN_PORT,
            social_graph,
        );
        let posts = read(&posts::ADMIN_LISTEN_ADDRESS, posts::ADMIN_PORT, posts);
        let messaging = read(&messaging::ADMIN_LISTEN_ADDRESS, messaging::ADMIN_PORT, messaging);
        Some(Self {
            identity: identity?,
            social_graph: social_graph?,
            posts: posts?,
            messaging: messaging?,
        })
    }
}

/// The settings of all services, less what `up` sees to by itself.
#[derive(Clone, Debug)]
pub(crate) struct UpSettings {
    pub(crate) directory: DataDirectory,
    /// The owner's; `None` for a private PostgreSQL.
    pub(crate) database_url: Option<DatabaseUrl>,
    pub(crate) roles: RoleSettings,
    pub(crate) identity_address: SocketAddr,
    pub(crate) social_graph_address: SocketAddr,
    pub(crate) posts_address: SocketAddr,
    pub(crate) messaging_address: SocketAddr,
    pub(crate) admin_addresses: AdminAddresses,
    pub(crate) session_lifetime: Duration,
    pub(crate) password_hashes_at_once: usize,
    pub(crate) friends: FriendSettings,
    pub(crate) throttles: ThrottleSettings,
    /// Of each service.
    pub(crate) pool: PoolSettings,
    pub(crate) server: ServerSettings,
    pub(crate) tokens: TokenSettings,
    /// Of the services that are not identity.
    pub(crate) signing_keys_interval: Duration,
}

impl Topic for UpSettings {
    fn settings() -> Vec<&'static Setting> {
        let own = vec![
            &DATABASE_URL,
            &IDENTITY_ADDRESS,
            &SOCIAL_GRAPH_ADDRESS,
            &POSTS_ADDRESS,
            &MESSAGING_ADDRESS,
            &identity::ADMIN_LISTEN_ADDRESS,
            &social_graph::ADMIN_LISTEN_ADDRESS,
            &posts::ADMIN_LISTEN_ADDRESS,
            &messaging::ADMIN_LISTEN_ADDRESS,
            &SESSION_LIFETIME,
            &HASHES_AT_ONCE,
            &SIGNING_KEYS_INTERVAL,
        ];
        let topics = [
            FriendSettings::settings(),
            RoleSettings::settings(),
            PoolSettings::settings(),
            PlaintextServerSettings::settings(),
            TokenSettings::settings(),
            ThrottleSettings::settings(),
        ];
        [DataDirectory::settings(), own, topics.concat()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let directory = DataDirectory::read(reader);
        let database_url = reader.optional(&DATABASE_URL, DatabaseUrl::from_setting);
        let roles = RoleSettings::read(reader);
        // Without TLS: the services call each other here, by addresses that no certificate is for.
        let server = PlaintextServerSettings::read(reader);
        let mut address = |setting| PlaintextServerSettings::listen_address(reader, setting, server.as_ref());
        let identity_address = address(&IDENTITY_ADDRESS);
        let social_graph_address = address(&SOCIAL_GRAPH_ADDRESS);
        let posts_address = address(&POSTS_ADDRESS);
        let messaging_address = address(&MESSAGING_ADDRESS);
        let admin_addresses = AdminAddresses::read(
            reader,
            [
                identity_address,
                social_graph_address,
                posts_address,
                messaging_address,
            ],
        );
        let session_lifetime = reader.duration(&SESSION_LIFETIME);
        let password_hashes_at_once = reader.number(&HASHES_AT_ONCE);
        let friends = FriendSettings::read(reader);
        let pool = PoolSettings::read(reader);
        let tokens = TokenSettings::read(reader);
        let throttles = ThrottleSettings::read(reader);
        let signing_keys_interval = reader.duration(&SIGNING_KEYS_INTERVAL);
        if matches!((&database_url, &roles), (Some(None), Some(roles)) if roles.any_is_given()) {
            reader.mistake(
                &DATABASE_URL,
                "is required where a service's database URL is given",
            );
        }
        Some(Self {
            directory: directory?,
            database_url: database_url?,
            roles: roles?,
            identity_address: identity_address?,
            social_graph_address: social_graph_address?,
            posts_address: posts_address?,
            messaging_address: messaging_address?,
            admin_addresses: admin_addresses?,
            session_lifetime: session_lifetime?,
            password_hashes_at_once: password_hashes_at_once?,
            friends: friends?,
            throttles: throttles?,
            pool: pool?,
            server: server?.0,
            tokens: tokens?,
            signing_keys_interval: signing_keys_interval?,
        })
    }
}
