//! The servers of a service: found by name, connected to, and chosen from.
//!
//! tonic's `balance_channel` is not used here. With it, an address that nobody listens on keeps its share of the calls
//! (of two addresses, one of them dead, 343 calls of 1,000 failed), calls to one that does not answer wait for each
//! other (5 calls, 1 second each), a server that went away is kept until the next call, and without any address a call
//! waits for ever.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::SendRequest;
use rand::RngExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::dial::{Connection, Dialer};
use crate::resolver::Resolver;

/// The pause before a server is tried again, doubled up to `MAX_PAUSE`.
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// A connection that lives so long was of use, even without a call.
const LONG_LIFE: Duration = Duration::from_secs(1);
/// How long the answer to a call is waited for that tries whether a server has rested enough.
const TRIAL: Duration = Duration::from_secs(1);
/// How long a name may take to resolve, and the least time from one answer to the next question.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);
const RESOLVE_AT_MOST_EVERY: Duration = Duration::from_millis(250);

/// How servers are found and reached.
pub(crate) struct Servers {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) resolve_every: Duration,
    pub(crate) dialer: Dialer,
    pub(crate) known: Mutex<Known>,
    /// Something in `known` is another.
    pub(crate) changed: Notify,
    /// A connection failed: the name may stand for other addresses by now.
    pub(crate) resolve_now: Notify,
}

/// What is known of them.
#[derive(Debug, Default)]
pub(crate) struct Known {
    servers: BTreeMap<SocketAddr, Server>,
    /// Why there are no servers.
    none: Option<String>,
}

#[derive(Debug)]
struct Server {
    link: Link,
    /// Cancelled when the server is no longer one.
    gone: CancellationToken,
}

#[derive(Debug)]
enum Link {
    /// Not tried yet, or lost a moment ago.
    Connecting,
    Ready(Line),
    /// It could not be reached when it was tried last; it is tried again and again.
    Failed(String),
}

#[derive(Clone, Debug)]
struct Line {
    calls: SendRequest<Body>,
    /// There is a clone for each call in flight.
    usage: Arc<Usage>,
}

/// What came of a connection.
#[derive(Debug, Default)]
struct Usage {
    /// A call was answered, so it was worth the name.
    answered: AtomicBool,
    /// The server said that it can do nothing before this time. One call tries it then, and the others wait for what
    /// becomes of that.
    rests_until: Mutex<Option<Instant>>,
}

impl Usage {
    fn rests_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.rests_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rests(&self) -> bool {
        self.rests_until().is_some_and(|until| Instant::now() < until)
    }

    /// It is chosen for a call.
    fn is_tried(&self) {
        if let Some(until) = self.rests_until().as_mut() {
            *until = Instant::now() + TRIAL;
        }
    }
}

/// A server to make one call to.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) address: SocketAddr,
    pub(crate) calls: SendRequest<Body>,
    usage: Arc<Usage>,
}

impl Lease {
    /// The call was answered, whatever the answer.
    pub(crate) fn answered(&self) {
        self.usage.answered.store(true, Ordering::Relaxed);
    }

    /// For how long the server says that it can do nothing, if it does. Meanwhile calls go to the others, if there are
    /// any: refusing is quick, so that a server which refuses would look like the one with the least to do.
    pub(crate) fn rests_for(&self, time: Option<Duration>) {
        *self.usage.rests_until() = time.map(|time| Instant::now() + time);
    }
}

enum Choice {
    Server(Lease),
    Wait,
    Nobody(String),
}

impl Servers {
    /// A server to call, best none of `tried`. Waits while one is being connected to and there is no other.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn lease(&self, tried: &[SocketAddr]) -> Result<Lease, String> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.choose(tried) {
                Choice::Server(lease) => return Ok(lease),
                Choice::Nobody(reason) => return Err(reason),
                Choice::Wait => changed.await,
            }
        }
    }

    fn choose(&self, tried: &[SocketAddr]) -> Choice {
        let known = self.known();
        let mut ready: Vec<_> = known.ready().collect();
        if ready.iter().any(|(_, line)| !line.usage.rests()) {
            ready.retain(|(_, line)| !line.usage.rests());
        }
        let others = ready
            .iter()
            .copied()
            .filter(|(address, _)| !tried.contains(address));
        let chosen = match tried {
            [] => less_busy(&ready),
            _ => less_busy(&others.collect::<Vec<_>>()).or_else(|| less_busy(&ready)),
        };
        if let Some((_, line)) = &chosen {
            line.usage.is_tried();
        }
        match chosen {
            Some((address, line)) => Choice::Server(Lease {
                address,
                calls: line.calls.clone(),
                usage: Arc::clone(&line.usage),
            }),
            None => known
                .why_nobody()
                .map_or(Choice::Wait, |reason| Choice::Nobody(self.explain(&reason))),
        }
    }

    fn explain(&self, reason: &str) -> String {
        format!("{}:{} cannot be reached: {reason}", self.host, self.port)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves the name again and again, and keeps a connection to each of its addresses, until `ended`.
    pub(crate) async fn keep(self: Arc<Self>, ended: CancellationToken) {
        let found = Arc::clone(&self).keep_found(&ended);
        ended.run_until_cancelled(found).await;
    }

    async fn keep_found(self: Arc<Self>, ended: &CancellationToken) {
        loop {
            let asked = timeout(RESOLVE_WITHIN, self.resolver.resolve(&self.host, self.port)).await;
            let pause = match asked.map_err(|_| "resolving its name timed out".to_owned()) {
                Ok(Ok(addresses)) => {
                    self.replace(&addresses, ended);
                    self.resolve_every
                }
                Ok(Err(error)) => self.not_found(error.to_string()),
                Err(late) => self.not_found(late),
            };
            sleep(RESOLVE_AT_MOST_EVERY.min(pause)).await;
            let _ = timeout(pause, self.resolve_now.notified()).await;
        }
    }

    fn not_found(&self, reason: String) -> Duration {
        tracing::debug!(host = self.host, %reason, "a name could not be resolved");
        self.known().none = Some(reason);
        self.changed.notify_waiters();
        self.resolve_every.min(MAX_PAUSE)
    }

    /// Makes `addresses` all servers there are.
    fn replace(self: &Arc<Self>, addresses: &[SocketAddr], ended: &CancellationToken) {
        let mut known = self.known();
        known.none = addresses.is_empty().then(|| "its name has no address".to_owned());
        known.servers.retain(|address, server| {
            let stays = addresses.contains(address);
            if !stays {
                server.gone.cancel();
            }
            stays
        });
        for &address in addresses {
            known.servers.entry(address).or_insert_with(|| {
                let gone = ended.child_token();
                tokio::spawn(Arc::clone(self).keep_connected(address, gone.clone()));
                Server {
                    link: Link::Connecting,
                    gone,
                }
            });
        }
        drop(known);
        self.changed.notify_waiters();
    }

    async fn keep_connected(self: Arc<Self>, address: SocketAddr, gone: CancellationToken) {
        let connected = async {
            let mut pause = MIN_PAUSE;
            loop {
                if self.connect_once(address, &gone).await {
                    pause = MIN_PAUSE;
                } else {
                    sleep(jittered(pause)).await;
                    pause = (pause * 2).min(MAX_PAUSE);
                }
            }
        };
        gone.run_until_cancelled(connected).await;
    }

    /// Connects, and returns when the connection takes no more calls. Answers whether it was of any use.
    async fn connect_once(&self, address: SocketAddr, gone: &CancellationToken) -> bool {
        let was_useful = match self.dialer.dial(address).await {
            Ok(Connection { calls, closed }) => {
                let (began, usage) = (Instant::now(), Arc::new(Usage::default()));
                let line = Line {
                    calls,
                    usage: Arc::clone(&usage),
                };
                self.set(address, gone, Link::Ready(line));
                let _ = closed.await;
                self.set(address, gone, Link::Connecting);
                usage.answered.load(Ordering::Relaxed) || began.elapsed() >= LONG_LIFE
            }
            Err(error) => {
                let reason = kith_primitives::chain(&error);
                tracing::debug!(%address, %reason, "a server cannot be reached");
                self.set(address, gone, Link::Failed(format!("{address}: {reason}")));
                false
            }
        };
        self.resolve_now.notify_one();
        was_useful
    }

    fn set(&self, address: SocketAddr, gone: &CancellationToken, link: Link) {
        let mut known = self.known();
        // The address may have gone, and come back with another task.
        if !gone.is_cancelled()
            && let Some(server) = known.servers.get_mut(&address)
        {
            server.link = link;
        }
        drop(known);
        self.changed.notify_waiters();
    }
}

impl Known {
    /// The servers that take calls. One that is about to be found closed is none.
    fn ready(&self) -> impl Iterator<Item = (SocketAddr, &Line)> {
        self.servers
            .iter()
            .filter_map(|(address, server)| match &server.link {
                Link::Ready(line) if !line.calls.is_closed() => Some((*address, line)),
                Link::Ready(_) | Link::Connecting | Link::Failed(_) => None,
            })
    }

    /// Why no server will take a call soon.
    fn why_nobody(&self) -> Option<String> {
        if self.servers.is_empty() {
            return self.none.clone();
        }
        let mut reasons = Vec::new();
        for server in self.servers.values() {
            match &server.link {
                Link::Failed(reason) => reasons.push(reason.as_str()),
                Link::Connecting | Link::Ready(_) => return None,
            }
        }
        Some(reasons.join("; "))
    }
}

/// Of two taken at random, the one with fewer calls in flight.
fn less_busy<'a>(lines: &[(SocketAddr, &'a Line)]) -> Option<(SocketAddr, &'a Line)> {
    let last = lines.len().checked_sub(1)?;
    let mut rng = rand::rng();
    let first = rng.random_range(0..=last);
    // One of the others, if there are any.
    let second = if last == 0 {
        first
    } else {
        (first + rng.random_range(1..=last)) % lines.len()
    };
    [first, second]
        .map(|index| lines[index])
        .into_iter()
        .min_by_key(|(_, line)| Arc::strong_count(&line.usage))
}

/// Between half of it and one and a half.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.5))
}
