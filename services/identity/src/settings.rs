//! What the service is told. `kith up` takes the same settings from here.

use std::net::SocketAddr;
use std::time::Duration;

use kith_postgres::{DatabaseUrl, PoolSettings};
use kith_rpc::{ServerSettings, TokenSettings};
use kith_settings::{Reader, Setting, Topic};
use kith_tokens::SigningKey;

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("identity-listen-address", "where identity listens")
    .value("an address and port, such as 127.0.0.1:50051")
    .default("127.0.0.1:50051");
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "identity-database-url",
    "the database, as role kith_identity: postgres://kith_identity:...@host/kith",
)
.value("a postgres:// URL")
.required()
.secret();
const SIGNING_KEY: Setting = Setting::new(
    "signing-key",
    "the Ed25519 key that signs access tokens, as PKCS#8 in PEM",
)
.required()
.secret();
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
    /// Its database, under its own role.
    pub database_url: DatabaseUrl,
    /// How it keeps connections.
    pub pool: PoolSettings,
    /// How it serves.
    pub server: ServerSettings,
    /// What its tokens say.
    pub tokens: TokenSettings,
    /// The key that signs them.
    pub signing_key: SigningKey,
    /// How long a session lives without a refresh.
    pub session_lifetime: Duration,
    /// Passwords hashed at the same time.
    pub password_hashes_at_once: usize,
}

impl Topic for IdentitySettings {
    fn settings() -> Vec<&'static Setting> {
        let own = vec![
            &LISTEN_ADDRESS,
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
        ]
        .concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let server = ServerSettings::read(reader);
        let listen_address = ServerSettings::listen_address(reader, &LISTEN_ADDRESS, server.as_ref());
        let database_url = DatabaseUrl::from_setting(reader, &DATABASE_URL);
        let signing_key = reader.secret_with(&SIGNING_KEY, |text| {
            SigningKey::from_pem(text).map_err(|_| "is not an Ed25519 private key in PEM")
        });
        let session_lifetime = reader.duration(&SESSION_LIFETIME);
        let password_hashes_at_once = reader.number(&HASHES_AT_ONCE);
        let pool = PoolSettings::read(reader);
        let tokens = TokenSettings::read(reader);
        Some(Self {
            listen_address: listen_address?,
            database_url: database_url?,
            pool: pool?,
            server: server?,
            tokens: tokens?,
            signing_key: signing_key?,
            session_lifetime: session_lifetime?,
            password_hashes_at_once: password_hashes_at_once?,
        })
    }
}
