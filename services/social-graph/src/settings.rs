//! What the service is told. `kith up` and `kith import` take the same settings from here.

use std::time::Duration;

use kith_service::{OwnSettings, ServiceSettings};
use kith_settings::{Reader, Setting, Topic};

/// Where it listens.
pub const LISTEN_ADDRESS: Setting = Setting::new("social-graph-listen-address", "where social-graph listens")
    .value("an address and port, such as 127.0.0.1:50052")
    .default("127.0.0.1:50052");
/// Where it serves health and metrics.
pub const ADMIN_LISTEN_ADDRESS: Setting = Setting::new(
    "social-graph-admin-listen-address",
    "where social-graph serves health and metrics, in plaintext; by default 127.0.0.1:50062, or a free port where social-graph has one",
)
.value("an address and port, such as 127.0.0.1:50062, or off; port 0 takes a free one");
/// The port of that, where nothing is said.
pub const ADMIN_PORT: u16 = 50062;
/// Its database.
pub const DATABASE_URL: Setting = Setting::new(
    "social-graph-database-url",
    "the database, as role kith_social_graph: postgres://kith_social_graph:...@host/kith",
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
    /// What every service is told.
    pub service: ServiceSettings,
    /// What friend requests are held to.
    pub friends: FriendSettings,
}

impl Topic for SocialGraphSettings {
    fn settings() -> Vec<&'static Setting> {
        let service = ServiceSettings::settings(&OWN);
        [service, FriendSettings::settings()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let service = ServiceSettings::read(reader, &OWN);
        let friends = FriendSettings::read(reader);
        Some(Self {
            service: service?,
            friends: friends?,
        })
    }
}
