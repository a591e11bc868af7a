//! What the service is told. `kith up` takes the same settings from here.

use kith_service::{OwnSettings, ServiceSettings};
use kith_settings::{Reader, Setting, Topic};

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("posts-listen-address", "where posts listens")
    .value("an address and port, such as 127.0.0.1:50053")
    .default("127.0.0.1:50053");
/// Where it serves health and metrics.
pub const ADMIN_LISTEN_ADDRESS: Setting = Setting::new(
    "posts-admin-listen-address",
    "where posts serves health and metrics, in plaintext; by default 127.0.0.1:50063, or a free port where posts has one",
)
.value("an address and port, such as 127.0.0.1:50063, or off; port 0 takes a free one");
/// The port of that, where nothing is said.
pub const ADMIN_PORT: u16 = 50063;
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "posts-database-url",
    "the database, as role kith_posts: postgres://kith_posts:...@host/kith",
)
.value("a postgres:// URL")
.required()
.secret();
const OWN: OwnSettings = OwnSettings {
    listen_address: &LISTEN_ADDRESS,
    admin_listen_address: &ADMIN_LISTEN_ADDRESS,
    admin_port: ADMIN_PORT,
    database_url: &DATABASE_URL,
};

/// Everything that the posts service is told.
#[derive(Clone, Debug)]
pub struct PostsSettings {
    /// What every service is told.
    pub service: ServiceSettings,
}

impl Topic for PostsSettings {
    fn settings() -> Vec<&'static Setting> {
        ServiceSettings::settings(&OWN)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let service = ServiceSettings::read(reader, &OWN);
        Some(Self { service: service? })
    }
}
