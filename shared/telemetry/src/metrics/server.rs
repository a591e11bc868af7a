//! The port for calls: its connections, and what is refused there.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use super::{add, fixed};

/// The limit that a call was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// That of the server.
    Server,
    /// The share of one user, or of one address without token.
    Caller,
    /// The share of one service.
    Service,
}

impl Limit {
    fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Caller => "caller",
            Self::Service => "service",
        }
    }
}

pub(super) struct Server {
    refused: IntCounterVec,
    connections: IntGauge,
    accept_errors: IntCounter,
}

impl Server {
    pub(super) fn new(registry: &Registry) -> Self {
        let refused = Opts::new(
            "kith_calls_refused_total",
            "Calls that were more than a limit on those under way at once; reason is whose limit.",
        );
        let refused = add(registry, fixed(IntCounterVec::new(refused, &["reason"])));
        for limit in [Limit::Server, Limit::Caller, Limit::Service] {
            refused.with_label_values(&[limit.label()]);
        }
        let connections = IntGauge::new(
            "kith_server_connections",
            "Open connections of the port for calls.",
        );
        let accept_errors = IntCounter::new(
            "kith_server_accept_errors_total",
            "Connections that could not be accepted, for example for want of file descriptors.",
        );
        Self {
            refused,
            connections: add(registry, fixed(connections)),
            accept_errors: add(registry, fixed(accept_errors)),
        }
    }

    pub(super) fn refused(&self, limit: Limit) {
        self.refused.with_label_values(&[limit.label()]).inc();
    }

    pub(super) fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    pub(super) fn accept_failed(&self) {
        self.accept_errors.inc();
    }
}

/// Counts as an open connection until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(IntGauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
