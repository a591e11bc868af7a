//! One connection to one server.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::body::Body;

use crate::tls::Tls;

/// How long the TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

/// How connections are made.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) tls: Option<Tls>,
    /// How long a TCP connection may take.
    pub(crate) connect_within: Duration,
    /// How often a connection is pinged, also an idle one, and how long the answer may take.
    pub(crate) ping_every: Duration,
    pub(crate) ping_within: Duration,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Takes calls.
    pub(crate) calls: SendRequest<Body>,
    /// Ends when the connection takes no more calls. Those that it has go on.
    pub(crate) closed: JoinHandle<()>,
}

impl Dialer {
    pub(crate) async fn dial(&self, address: SocketAddr) -> io::Result<Connection> {
        let socket = within(self.connect_within, TcpStream::connect(address)).await?;
        socket.set_nodelay(true)?;
        match &self.tls {
            None => self.begin(socket).await,
            Some(tls) => {
                self.begin(within(HANDSHAKE_WITHIN, tls.handshake(socket)).await?)
                    .await
            }
        }
    }

    async fn begin(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> io::Result<Connection> {
        let (calls, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(self.ping_every)
            .keep_alive_timeout(self.ping_within)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let closed = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
        Ok(Connection { calls, closed })
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn dialer() -> Dialer {
        Dialer {
            tls: None,
            connect_within: Duration::from_millis(50),
            ping_every: Duration::from_millis(20),
            ping_within: Duration::from_millis(20),
        }
    }

    // Control: no `keep_alive_interval`; the connection was kept.
    #[tokio::test]
    async fn a_connection_that_answers_no_ping_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let dialer = Dialer {
            connect_within: Duration::from_secs(10),
            ..dialer()
        };
        let connection = dialer.dial(address).await.expect("a connection");
        let _silent = listener.accept().await.expect("a connection");
        let closed = timeout(Duration::from_secs(10), connection.closed).await;
        closed.expect("given up").expect("no panic");
        assert!(connection.calls.is_closed());
    }

    // Control: no `within` around the connect; it took as long as the operating system waits, minutes.
    #[tokio::test]
    async fn a_host_that_does_not_answer_is_given_up() {
        let full = tokio::net::TcpSocket::new_v4().expect("a socket");
        full.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let full = full.listen(1).expect("a listener");
        let address = full.local_addr().expect("an address");
        // Nobody accepts: once the queue is full, the system answers no more.
        let mut queued = Vec::new();
        let error = loop {
            match dialer().dial(address).await {
                Ok(connection) => queued.push(connection),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
