//! What the service is told. `kith up` takes the same settings from here.

use kith_service::ServiceSettings;
use kith_settings::{Reader, Setting, Topic};

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("posts-listen-address", "where posts listens")
    .value("an address and port, such as 127.0.0.1:50053")
    .default("127.0.0.1:50053");
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "posts-database-url",
    "the database, as role kith_posts: postgres://kith_posts:...@host/kith",
)
.value("a postgres:// URL")
.required()
.secret();

/// Everything that the posts service is told.
#[derive(Clone, Debug)]
pub struct PostsSettings {
    /// What every service is told.
    pub service: ServiceSettings,
}

impl Topic for PostsSettings {
    fn settings() -> Vec<&'static Setting> {
        ServiceSettings::settings(&LISTEN_ADDRESS, &DATABASE_URL)
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let service = ServiceSettings::read(reader, &LISTEN_ADDRESS, &DATABASE_URL);
        Some(Self { service: service? })
    }
}
