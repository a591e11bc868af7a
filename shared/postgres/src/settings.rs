//! How many connections, and how long to wait for them.

use std::time::Duration;

use kith_settings::{Reader, Setting, Topic};

/// `pool-size`.
const POOL_SIZE: Setting = Setting::new(
    "pool-size",
    "the most connections to the database that the process holds",
)
.number(1, 1000)
.default("16");

/// `pool-checkout-timeout`.
const POOL_CHECKOUT_TIMEOUT: Setting = Setting::new(
    "pool-checkout-timeout",
    "how long a call waits for a connection to the database",
)
.duration(Duration::from_millis(10), Duration::from_secs(60))
.default("2s");

/// `pool-max-lifetime`.
const POOL_MAX_LIFETIME: Setting = Setting::new(
    "pool-max-lifetime",
    "the age, give or take 20 %, at which a connection is replaced",
)
.duration(Duration::from_secs(1), Duration::from_secs(24 * 3600))
.default("30m");

/// The settings of one pool of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// The most connections that this process holds to its database, at least 1. Default: 16.
    pub size: usize,
    /// How long a call waits for a connection, whatever that takes: waiting for its turn, checking one that lay idle,
    /// making a new one. Default: 2 s.
    pub checkout_timeout: Duration,
    /// How long one attempt to reach one address of the server takes, unless the URL has `connect_timeout`.
    /// Default: 1 s.
    pub connect_timeout: Duration,
    /// A connection that lay idle for longer than this is asked whether it still works. Default: 5 s.
    pub idle_check_after: Duration,
    /// A connection is ended once it is this old, give or take 20 % by chance, so that load moves to servers that
    /// were added and not all connections end at once. Default: 30 min.
    pub max_lifetime: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            size: 16,
            checkout_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            idle_check_after: Duration::from_secs(5),
            max_lifetime: Duration::from_secs(30 * 60),
        }
    }
}

impl Topic for PoolSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![&POOL_SIZE, &POOL_CHECKOUT_TIMEOUT, &POOL_MAX_LIFETIME]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let size = reader.number(&POOL_SIZE);
        let checkout_timeout = reader.duration(&POOL_CHECKOUT_TIMEOUT);
        let max_lifetime = reader.duration(&POOL_MAX_LIFETIME);
        Some(Self {
            size: size?,
            checkout_timeout: checkout_timeout?,
            max_lifetime: max_lifetime?,
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use kith_settings::{Environment, Program, load};

    use super::*;

    const PROGRAM: Program = Program {
        name: "test",
        version: "0",
        about: "test",
    };

    #[test]
    fn what_is_not_given_is_as_documented() {
        let settings: PoolSettings =
            load(&PROGRAM, ["test".into()], &Environment::default()).expect("defaults");
        assert_eq!(settings, PoolSettings::default());
    }
}
