//! What the service is told. `kith up` takes the same settings from here.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_rpc::{ServerSettings, TokenSettings};
use kith_settings::{Reader, Setting, Topic};
use kith_tokens::SigningKeys;

use crate::ThrottleSettings;

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("identity-listen-address", "where identity listens")
    .value("an address and port, such as 127.0.0.1:50051")
    .default("127.0.0.1:50051");
/// Where it serves health and metrics.
pub const ADMIN_LISTEN_ADDRESS: Setting = Setting::new(
    "identity-admin-listen-address",
    "where identity serves health and metrics, in plaintext; by default 127.0.0.1:50061, or a free port where identity has one",
)
.value("an address and port, such as 127.0.0.1:50061, or off; port 0 takes a free one");
/// The port of that, where nothing is said.
pub const ADMIN_PORT: u16 = 50061;
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "identity-database-url",
    "the database, as role kith_identity: postgres://kith_identity:...@host/kith",
)
.value("a postgres:// URL")
.required()
.secret();
/// The keys that sign tokens.
pub const SIGNING_KEY: Setting = Setting::new(
    "signing-key",
    "the Ed25519 keys that sign access tokens, as PKCS#8 in PEM, one block or several; the file is read again when it changes",
)
.value("one or several blocks of PEM")
.required()
.secret();
/// How often keys are looked for, mounted ones and those in the database. A replica that learns late of a rotation signs
/// that much longer with the retired key; one that learns late of a removal trusts the removed one.
pub const SIGNING_KEYS_INTERVAL: Duration = Duration::from_secs(5);
/// How often what has had its time is removed: expired sessions and throttles.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How long a session lives without a refresh.
pub const SESSION_LIFETIME: Setting =
    Setting::new("session-lifetime", "how long a session lives without a refresh")
        .duration(Duration::from_secs(60), Duration::from_secs(400 * 24 * 3600))
        .default("720h");
/// How many passwords are hashed at the same time.
pub const HASHES_AT_ONCE: Setting = Setting::new(
    "password-hashes-at-once",
    "how many passwords are hashed at the same time; each takes 19 MiB",
)
.number(1, 64)
.default("2");

/// Everything that the identity service is told.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
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
    /// What its tokens say.
    pub tokens: TokenSettings,
    /// The keys that may sign them.
    pub signing_keys: SigningKeys,
    /// The file with those keys, which is read again.
    pub signing_keys_file: Option<PathBuf>,
    /// How often keys are looked for: [`SIGNING_KEYS_INTERVAL`], but in tests.
    pub signing_keys_interval: Duration,
    /// How long a session lives without a refresh.
    pub session_lifetime: Duration,
    /// Passwords hashed at the same time.
    pub password_hashes_at_once: usize,
    /// How often what has had its time is removed: [`SWEEP_INTERVAL`], but in tests.
    pub sweep_interval: Duration,
    /// How often what needs no token may be tried.
    pub throttles: ThrottleSettings,
}

impl Topic for IdentitySettings {
    fn settings() -> Vec<&'static Setting> {
        let own = vec![
            &LISTEN_ADDRESS,
            &ADMIN_LISTEN_ADDRESS,
            &DATABASE_URL,
            &SIGNING_KEY,
            &SESSION_LIFETIME,
            &HASHES_AT_ONCE,
        ];
        [
            own,
            PoolSettings::settings(),
            ServerSettings::settings(),
            TokenSettings::settings(),
            ThrottleSettings::settings(),
        ]
        .concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let server = ServerSettings::read(reader);
        let listen_address = ServerSettings::listen_address(reader, &LISTEN_ADDRESS, server.as_ref());
        let admin_listen_address =
            kith_rpc::admin_listen_address(reader, &ADMIN_LISTEN_ADDRESS, ADMIN_PORT, listen_address);
        let database_url = DatabaseUrl::from_setting(reader, &DATABASE_URL);
        let signing_keys = reader.secret_with(&SIGNING_KEY, |text| {
            SigningKeys::from_pem(text).map_err(|_| "is not Ed25519 private keys in PEM")
        });
        let signing_keys_file = reader.file_of(&SIGNING_KEY);
        let session_lifetime = reader.duration(&SESSION_LIFETIME);
        let password_hashes_at_once = reader.number(&HASHES_AT_ONCE);
        let pool = PoolSettings::read(reader);
        let tokens = TokenSettings::read(reader);
        let throttles = ThrottleSettings::read(reader);
        Some(Self {
            listen_address: listen_address?,
            admin_listen_address: admin_listen_address?,
            database_url: database_url?,
            pool: pool?,
            server: server?,
            tokens: tokens?,
            signing_keys: signing_keys?,
            signing_keys_file,
            signing_keys_interval: SIGNING_KEYS_INTERVAL,
            session_lifetime: session_lifetime?,
            password_hashes_at_once: password_hashes_at_once?,
            sweep_interval: SWEEP_INTERVAL,
            throttles: throttles?,
        })
    }
}
