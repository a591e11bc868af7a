//! What the service is told. `kith up` takes the same settings from here.

use kith_service::{OwnSettings, ServiceSettings};
use kith_settings::{Reader, Setting, Topic};

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("messaging-listen-address", "where messaging listens")
    .value("an address and port, such as 127.0.0.1:50054")
    .default("127.0.0.1:50054");
/// Where it serves health and metrics.
pub const ADMIN_LISTEN_ADDRESS: Setting = Setting::new(
    "messaging-admin-listen-address",
    "where messaging serves health and metrics, in plaintext; by default 127.0.0.1:50064, or a free port where messaging has one",
)
.value("an address and port, such as 127.0.0.1:50064, or off; port 0 takes a free one");
/// The port of that, where nothing is said.
pub const ADMIN_PORT: u16 = 50064;
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "messaging-database-url",
    "the database, as role kith_messaging: postgres://kith_messaging:...@host/kith",
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

/// Everything that the messaging service is told.
#[derive(Clone, Debug)]
pub struct MessagingSettings {
    /// What every service is told.
    pub service: ServiceSettings,
}

impl Topic for MessagingSettings {
    fn settings() -> Vec<&'static Setting> {
        ServiceSettings::settings(&OWN)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let service = ServiceSettings::read(reader, &OWN);
        Some(Self { service: service? })
    }
}
