//! What a service is told beside what is its own.

use std::net::SocketAddr;
use std::time::Duration;

use kith_client::TlsFiles;
use kith_postgres::{Database, DatabaseUrl, PoolSettings};
use kith_rpc::{SIGNING_KEYS_INTERVAL, ServerSettings, TokenSettings};
use kith_settings::{Reader, Setting, Topic};
use kith_telemetry::Metrics;

/// Where identity is.
pub const IDENTITY_URL: Setting = Setting::new(
    "identity-url",
    "where identity is, to fetch the keys that verify tokens",
)
.value("a URL such as http://127.0.0.1:50051 or https://identity.example")
.default("http://127.0.0.1:50051");

/// The settings of a service that have its name in theirs.
#[derive(Clone, Copy, Debug)]
pub struct OwnSettings {
    /// Where it listens.
    pub listen_address: &'static Setting,
    /// Where it serves health and metrics.
    pub admin_listen_address: &'static Setting,
    /// The port of that, where nothing is said.
    pub admin_port: u16,
    /// Its database.
    pub database_url: &'static Setting,
}

/// What every service is told that is not identity. A service's own settings hold it as their `service`.
///
/// It is no [`Topic`], because some of its settings have another name in each service: [`OwnSettings`]. A service hands them
/// to [`ServiceSettings::settings`] and [`ServiceSettings::read`].
#[derive(Clone, Debug)]
pub struct ServiceSettings {
    /// Where it listens.
    pub listen_address: SocketAddr,
    /// Where it serves health and metrics; `None` for nowhere.
    pub admin_listen_address: Option<SocketAddr>,
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
    /// Whom to trust there, and what to show, where that is `https://`.
    pub identity_tls: TlsFiles,
    /// How often they are fetched again.
    pub signing_keys_interval: Duration,
}

impl ServiceSettings {
    /// Every setting that [`ServiceSettings::read`] asks for.
    pub fn settings(own: &OwnSettings) -> Vec<&'static Setting> {
        let own = vec![
            own.listen_address,
            own.admin_listen_address,
            own.database_url,
            &IDENTITY_URL,
            &SIGNING_KEYS_INTERVAL,
        ];
        [
            own,
            TlsFiles::settings(),
            PoolSettings::settings(),
            ServerSettings::settings(),
            TokenSettings::settings(),
        ]
        .concat()
    }

    /// Reads each of them; `None` when something was wrong, which the reader has noted.
    pub fn read(reader: &mut Reader<'_>, own: &OwnSettings) -> Option<Self> {
        let server = ServerSettings::read(reader);
        let listen_address = ServerSettings::listen_address(reader, own.listen_address, server.as_ref());
        let admin_listen_address =
            kith_rpc::admin_listen_address(reader, own.admin_listen_address, own.admin_port, listen_address);
        let database_url = DatabaseUrl::from_setting(reader, own.database_url);
        let identity_url = reader.value_with(&IDENTITY_URL, kith_client::address);
        let identity_tls = TlsFiles::read(reader);
        let signing_keys_interval = reader.duration(&SIGNING_KEYS_INTERVAL);
        let pool = PoolSettings::read(reader);
        let tokens = TokenSettings::read(reader);
        Some(Self {
            listen_address: listen_address?,
            admin_listen_address: admin_listen_address?,
            database_url: database_url?,
            pool: pool?,
            server: server?,
            tokens: tokens?,
            identity_url: identity_url?,
            identity_tls: identity_tls?,
            signing_keys_interval: signing_keys_interval?,
        })
    }

    /// The pool of connections that the RPCs work with, counted in `metrics`; none is made before the first call.
    pub fn database(&self, metrics: &Metrics) -> Database {
        Database::new(&self.database_url, &self.pool).counted_by(metrics.database())
    }
}
