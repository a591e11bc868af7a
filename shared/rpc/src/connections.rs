//! The open connections of a server, from accepting them to telling them to go away.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use kith_telemetry::Metrics;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::lingering;
use crate::preface::PrefaceInTime;
use crate::settings::ServerSettings;
use crate::tls::Tls;

/// Connections at once of one server. More wait in the listener's queue, which is better than to run out of descriptors.
pub const MAX_CONNECTIONS: usize = 10_000;
/// Streams that one connection may have open at once. tonic would set no bound.
const MAX_CONCURRENT_STREAMS: u32 = 256;
/// Streams that a caller may have reset before we looked at them; with more, the connection is closed
/// (CVE-2023-44487). h2 would allow 20, and so end the connection of an honest caller who cancels a batch of calls.
const MAX_PENDING_RESETS: usize = MAX_CONCURRENT_STREAMS as usize;
/// Resets by our own errors after which a connection is closed (that CVE's relatives); hyper's default.
const MAX_LOCAL_ERROR_RESET_STREAMS: usize = 1024;
/// Bytes of headers in a request.
const MAX_HEADER_LIST_SIZE: u32 = 16 * 1024;
/// How long a caller may take from connecting to the end of the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller may take from there to its first 24 bytes.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller over HTTP/1.1 may take for the head of a request, the time between two requests included: longer than
/// proxies keep a connection by default, so that they are the ones to close it.
const HTTP1_HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How often a silent connection is asked whether it lives, and how long it may think about it.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// By how much the ages differ at which connections go away, so that clients who came together do not leave together.
const AGE_JITTER: RangeInclusive<f64> = 0.8..=1.2;
/// Pause after a failed accept: running out of descriptors would otherwise turn the loop hot.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// The network address of a connection's other end, in the extensions of its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// How long a connection may live.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// The age, give or take `AGE_JITTER`, at which it is asked to go away.
    age: Duration,
    /// How long what it carries then may take to end: longer than any call, but a stream, or an answer that nobody
    /// reads, would keep it for ever.
    grace: Duration,
}

impl Lifetime {
    /// As `settings` have it.
    pub(crate) fn of(settings: &ServerSettings) -> Self {
        Self {
            age: settings.max_connection_age,
            grace: settings.max_connection_age.max(settings.max_deadline),
        }
    }
}

/// The versions of HTTP that a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocols {
    /// That of gRPC alone.
    Http2,
    /// HTTP/1.1 too: browsers speak nothing else without TLS, and many a proxy speaks nothing else to what is behind it.
    Both,
}

impl Protocols {
    /// For the TLS handshake, the better one first.
    pub(crate) fn alpn(self) -> Vec<Vec<u8>> {
        let names: &[&[u8]] = match self {
            Self::Http2 => &[b"h2"],
            Self::Both => &[b"h2", b"http/1.1"],
        };
        names.iter().map(|name| name.to_vec()).collect()
    }
}

/// What every connection of a server needs.
#[derive(Clone, Debug)]
struct Terms {
    router: Router,
    /// `None` for plaintext.
    tls: Option<Arc<Tls>>,
    protocols: Protocols,
    http1_head_timeout: Duration,
    lifetime: Lifetime,
    /// Cancelled when connections must go away.
    drain: CancellationToken,
    metrics: Metrics,
}

/// The open connections of a server.
pub(crate) struct Connections {
    terms: Terms,
    limit: usize,
    tasks: JoinSet<()>,
}

impl Connections {
    /// None yet; `router` will answer them. They are asked to go away when they are of age, so that clients connect
    /// anew, perhaps to a replica that there was not before.
    pub(crate) fn new(
        router: Router,
        tls: Option<Arc<Tls>>,
        protocols: Protocols,
        lifetime: Lifetime,
        metrics: Metrics,
    ) -> Self {
        Self {
            terms: Terms {
                router,
                tls,
                protocols,
                http1_head_timeout: HTTP1_HEAD_TIMEOUT,
                lifetime,
                drain: CancellationToken::new(),
                metrics,
            },
            limit: MAX_CONNECTIONS,
            tasks: JoinSet::new(),
        }
    }

    /// Takes connections until `shutdown` and `delay` have passed.
    pub(crate) async fn accept(
        mut self,
        listener: &TcpListener,
        shutdown: &CancellationToken,
        delay: Duration,
    ) -> Self {
        let end = async {
            shutdown.cancelled().await;
            sleep(delay).await;
        };
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                () = &mut end => return self,
                Some(_) = self.tasks.join_next() => {}
                accepted = listener.accept(), if self.tasks.len() < self.limit => match accepted {
                    Ok((socket, peer)) => {
                        self.tasks.spawn(self.terms.clone().serve(socket, Peer(peer.ip())));
                    }
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        self.terms.metrics.accept_failed();
                        tracing::warn!(%error, "a connection could not be accepted");
                        sleep(ACCEPT_BACK_OFF).await;
                    }
                },
            }
        }
    }

    /// Tells every connection to go away, and closes those that did not by `deadline`.
    pub(crate) async fn drain(self, listener: TcpListener, deadline: Instant) {
        // Closed first, so that new clients are refused and go elsewhere.
        drop(listener);
        let Self { mut tasks, terms, .. } = self;
        terms.drain.cancel();
        let ended = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, ended).await.is_err() {
            tracing::warn!(open = tasks.len(), "connections did not close in time");
            tasks.shutdown().await;
        }
    }
}

/// Whether it went away before it was accepted, which says nothing of the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

impl Terms {
    /// Serves one connection to its end.
    async fn serve(self, socket: TcpStream, peer: Peer) {
        let _open = self.metrics.connection();
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection went away at once");
            return;
        }
        let Some(tls) = self.tls.clone() else {
            return self.speak(socket, peer).await;
        };
        let handshake = TlsAcceptor::from(tls.config()).accept(socket);
        let handshake = timeout(HANDSHAKE_TIMEOUT, handshake);
        match self.drain.run_until_cancelled(handshake).await {
            Some(Ok(Ok(socket))) => self.speak(socket, peer).await,
            Some(Ok(Err(error))) => tracing::debug!(%error, peer = %peer.0, "a TLS handshake failed"),
            Some(Err(_)) => tracing::debug!(peer = %peer.0, "a TLS handshake took too long"),
            None => {}
        }
    }

    async fn speak<S>(self, socket: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request.map(axum::body::Body::new)
        });
        let (socket, back) = lingering::lend(socket);
        let socket = TokioIo::new(PrefaceInTime::new(socket, PREFACE_TIMEOUT));
        let builder = builder(self.protocols, self.http1_head_timeout);
        let connection = builder.serve_connection(socket, TowerToHyperService::new(service));
        let age = self.lifetime.age.mul_f64(rand::random_range(AGE_JITTER));
        let ended = {
            let mut connection = pin!(connection);
            tokio::select! {
                ended = &mut connection => return tell(ended),
                () = either(self.drain.cancelled(), sleep(age)) => {
                    connection.as_mut().graceful_shutdown();
                    let Ok(ended) = timeout(self.lifetime.grace, connection).await else {
                        return tracing::debug!(peer = %peer.0, "a connection of age did not go, and is cut off");
                    };
                    ended
                }
            }
        };
        tell(ended);
        if let Ok(socket) = back.await {
            lingering::close(socket).await;
        }
    }
}

/// What a connection that ended badly says of it.
fn tell<E: std::fmt::Display>(ended: Result<(), E>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}

async fn either(left: impl Future<Output = ()>, right: impl Future<Output = ()>) {
    tokio::select! {
        () = left => {}
        () = right => {}
    }
}

fn builder(protocols: Protocols, http1_head_timeout: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESET_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST_SIZE)
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(http1_head_timeout)
        .max_buf_size(MAX_HEADER_LIST_SIZE as usize);
    match protocols {
        Protocols::Http2 => builder.http2_only(),
        Protocols::Both => builder,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn none(protocols: Protocols) -> Connections {
        let lifetime = Lifetime::of(&ServerSettings::default());
        Connections::new(Router::new(), None, protocols, lifetime, Metrics::new("test"))
    }

    const PEER: Peer = Peer(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

    // Control: `accept` without its look at the limit; the second was served at once.
    #[tokio::test]
    async fn beyond_the_limit_a_connection_waits_for_another_to_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut connections = none(Protocols::Http2);
        connections.limit = 1;
        let shutdown = CancellationToken::new();
        tokio::spawn(async move { connections.accept(&listener, &shutdown, Duration::ZERO).await });

        // A server speaks first, with its SETTINGS.
        let mut first = TcpStream::connect(address).await.expect("it listens");
        first.read_u8().await.expect("served");
        let mut second = TcpStream::connect(address).await.expect("it listens");
        let early = timeout(Duration::from_millis(100), second.read_u8()).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        second.read_u8().await.expect("served");
    }

    // Control: `builder` without `header_read_timeout`; the test hung.
    #[tokio::test]
    async fn half_a_head_of_http1_is_waited_for_only_so_long() {
        let mut terms = none(Protocols::Both).terms;
        terms.http1_head_timeout = Duration::from_millis(50);
        let (mut caller, server) = duplex(64);
        let half = b"POST /kith.identity.v1.Iden";
        caller.write_all(half).await.expect("room");
        timeout(Duration::from_secs(30), terms.speak(server, PEER))
            .await
            .expect("it ends");
    }

    // Control: `builder` that never is `http2_only`; it was answered 404.
    #[tokio::test]
    async fn http1_is_not_spoken_unless_it_is_wanted() {
        let request = b"GET /somewhere HTTP/1.1\r\nhost: kith.test\r\nconnection: close\r\n\r\n";
        for (protocols, is_answered) in [(Protocols::Http2, false), (Protocols::Both, true)] {
            let (mut caller, server) = duplex(1024);
            caller.write_all(request).await.expect("room");
            let terms = none(protocols).terms;
            timeout(Duration::from_secs(30), terms.speak(server, PEER))
                .await
                .expect("it ends");
            let mut answer = Vec::new();
            caller.read_to_end(&mut answer).await.expect("an end");
            assert_eq!(
                answer.starts_with(b"HTTP/1.1 404"),
                is_answered,
                "{protocols:?}: {answer:?}"
            );
        }
    }
}
