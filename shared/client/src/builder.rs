//! How a channel is told what it is for.

use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::ClientError;
use crate::address::Target;
use crate::budget::Budget;
use crate::channel::{Channel, Shared};
use crate::dial::Dialer;
use crate::resolver::{Resolver, system};
use crate::servers::{Known, Servers};
use crate::tls::{Tls, TlsFiles};

/// How long a call may take that says nothing of it: as long as the longest that a service takes by default.
const CALL_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_WITHIN: Duration = Duration::from_secs(5);
const RESOLVE_EVERY: Duration = Duration::from_secs(5);
const MAX_ATTEMPTS: u32 = 4;

/// Makes a [`Channel`]. Whatever is not said has a default that does for a service in production.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    address: String,
    tls: TlsFiles,
    server_name: Option<String>,
    connect_within: Duration,
    call_within: Duration,
    max_attempts: u32,
    resolver: Arc<dyn Resolver>,
    resolve_every: Duration,
}

impl Builder {
    /// For the service at `address`: `http://` or `https://`, a host, and perhaps a port. `http://` to another machine
    /// is taken, with a warning in the log when the channel is built: tokens can be read on the way.
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
            tls: TlsFiles::default(),
            server_name: None,
            connect_within: CONNECT_WITHIN,
            call_within: CALL_WITHIN,
            max_attempts: MAX_ATTEMPTS,
            resolver: Arc::new(system),
            resolve_every: RESOLVE_EVERY,
        }
    }

    /// Whom to trust and what to show, where the address is `https://`. By default whom the operating system trusts,
    /// and nothing.
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = files;
        self
    }

    /// The name that the server's certificate must be for, where that is not the host of the address.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// How long a TCP connection may take; 1 second by default.
    pub fn connect_within(mut self, limit: Duration) -> Self {
        self.connect_within = limit;
        self
    }

    /// The longest that a call may take with all its attempts, also if it asks for more; 60 seconds by default. A call
    /// gets a shorter deadline by [`tonic::Request::set_timeout`].
    pub fn call_within(mut self, limit: Duration) -> Self {
        self.call_within = limit;
        self
    }

    /// How many attempts a call may have, the first included; 4 by default, and 1 is the least.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Finds the servers in another way than the operating system does.
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// How often the host is resolved again; every 5 seconds by default, and sooner when a connection fails.
    pub fn resolve_every(mut self, interval: Duration) -> Self {
        self.resolve_every = interval;
        self
    }

    /// The channel. It connects with the first call, which must be made in a tokio runtime.
    ///
    /// # Errors
    /// When the address is none, or the files of TLS cannot be used.
    pub fn build(self) -> Result<Channel, ClientError> {
        let target = Target::new(&self.address)?;
        if !target.is_secure() && target.is_elsewhere() {
            // Not refused: a mesh may encrypt what leaves the machine, and the server had to be told to allow it.
            tracing::warn!(address = %self.address, "calls go without TLS: whoever is on the way can read tokens and data");
        }
        let name = self.server_name.as_deref().unwrap_or(&target.host);
        let tls = match target.is_secure() {
            true => Some(Tls::new(self.tls, name)?),
            false => None,
        };
        let servers = Servers {
            host: target.host.clone(),
            port: target.port,
            resolver: self.resolver,
            resolve_every: self.resolve_every,
            dialer: Dialer {
                tls,
                connect_within: self.connect_within,
                ping_every: PING_EVERY,
                ping_within: PING_WITHIN,
            },
            known: Mutex::new(Known::default()),
            changed: Notify::new(),
            resolve_now: Notify::new(),
        };
        Ok(Channel::new(Shared {
            target,
            servers: Arc::new(servers),
            timeout: self.call_within,
            max_attempts: self.max_attempts,
            budget: Budget::full(),
            started: Once::new(),
            ended: CancellationToken::new(),
        }))
    }
}
