//! What the service is told. `kith up` and `kith import` take the same settings from here.

use std::net::SocketAddr;
use std::time::Duration;

use kith_client::TlsFiles;
use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_rpc::{SIGNING_KEYS_INTERVAL, ServerSettings, TokenSettings};
use kith_settings::{Reader, Setting, Topic};

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("social-graph-listen-address", "where social-graph listens")
    .value("an address and port, such as 127.0.0.1:50052")
    .default("127.0.0.1:50052");
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "social-graph-database-url",
    "the database, as role kith_social_graph: postgres://kith_social_graph:...@host/kith",
)
.value("a postgres:// URL")
.required()
.secret();
/// Where identity is.
pub const IDENTITY_URL: Setting = Setting::new(
    "identity-url",
    "where identity is, to fetch the keys that verify tokens",
)
.value("a URL such as http://127.0.0.1:50051 or https://identity.example")
.default("http://127.0.0.1:50051");

const DECLINE_COOLDOWN: Setting = Setting::new(
    "friend-request-cooldown",
    "how long a user cannot ask again whose friend request was declined; 0s for not at all",
)
.duration(Duration::ZERO, Duration::from_secs(400 * 24 * 3600))
.default("168h");
const MAX_OPEN_REQUESTS: Setting = Setting::new(
    "friend-requests-at-once",
    "how many open friend requests a user may have sent",
)
.number(1, 100_000)
.default("500");

/// What friend requests are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FriendSettings {
    /// How long a user cannot ask again whose request was declined.
    pub decline_cooldown: Duration,
    /// How many open requests a user may have sent.
    pub max_open_requests: u32,
}

impl Default for FriendSettings {
    fn default() -> Self {
        Self {
            decline_cooldown: Duration::from_secs(168 * 3600),
            max_open_requests: 500,
        }
    }
}

impl Topic for FriendSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&DECLINE_COOLDOWN, &MAX_OPEN_REQUESTS]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let decline_cooldown = reader.duration(&DECLINE_COOLDOWN);
        let max_open_requests = reader.number(&MAX_OPEN_REQUESTS);
        Some(Self {
            decline_cooldown: decline_cooldown?,
            max_open_requests: max_open_requests?,
        })
    }
}

/// Everything that the social-graph service is told.
#[derive(Clone, Debug)]
pub struct SocialGraphSettings {
    /// Where it listens.
    pub listen_address: SocketAddr,
    /// Its database, under its own role.
    pub database_url: DatabaseUrl,
    /// How it keeps connections.
    pub pool: PoolSettings,
    /// How it serves.
    pub server: ServerSettings,
    /// What tokens say.
    pub tokens: TokenSettings,
    /// Where the keys that sign tokens are published.
    pub identity_url: String,
    /// What friend requests are held to.
    pub friends: FriendSettings,
    /// Whom to trust there, and what to show, where that is `https://`.
    pub identity_tls: TlsFiles,
    /// How often they are fetched again.
    pub signing_keys_interval: Duration,
}

impl Topic for SocialGraphSettings {
    fn settings() -> Vec<&'static Setting> {
        let own = vec![
            &LISTEN_ADDRESS,
            &DATABASE_URL,
            &IDENTITY_URL,
            &SIGNING_KEYS_INTERVAL,
        ];
        [
            own,
            FriendSettings::settings(),
            TlsFiles::settings(),
            PoolSettings::settings(),
            ServerSettings::settings(),
            TokenSettings::settings(),
        ]
        .concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let server = ServerSettings::read(reader);
        let listen_address = ServerSettings::listen_address(reader, &LISTEN_ADDRESS, server.as_ref());
        let database_url = DatabaseUrl::from_setting(reader, &DATABASE_URL);
        let identity_url = reader.value_with(&IDENTITY_URL, kith_client::address);
        let identity_tls = TlsFiles::read(reader);
        let signing_keys_interval = reader.duration(&SIGNING_KEYS_INTERVAL);
        let friends = FriendSettings::read(reader);
        let pool = PoolSettings::read(reader);
        let tokens = TokenSettings::read(reader);
        Some(Self {
            listen_address: listen_address?,
            database_url: database_url?,
            pool: pool?,
            server: server?,
            tokens: tokens?,
            identity_url: identity_url?,
            friends: friends?,
            identity_tls: identity_tls?,
            signing_keys_interval: signing_keys_interval?,
        })
    }
}
