//! How many connections, and how long to wait for them.

use std::time::Duration;

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
