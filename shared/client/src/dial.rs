//! One connection to one server.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::body::Body;

use crate::tls::Tls;

/// How long the TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(5);

/// How long the server may take from there to its first word.
const GREETING_WITHIN: Duration = Duration::from_secs(5);

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

    /// Speaks HTTP/2, and returns once the server does too. Before that, the connection may be one that the operating
    /// system took for a process which is about to end, and what it was sent would be lost without a word of whether it
    /// was executed.
    async fn begin(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> io::Result<Connection> {
        let (stream, greeting) = Greeted::new(stream);
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
        let greeting = async { greeting.await.map_err(|_| silently_closed()) };
        match within(GREETING_WITHIN, greeting).await {
            Ok(()) => Ok(Connection { calls, closed }),
            Err(error) => {
                closed.abort();
                Err(error)
            }
        }
    }
}

fn silently_closed() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionReset,
        "the connection was closed before the server spoke",
    )
}

/// A stream that tells when the other side has said something.
struct Greeted<S> {
    stream: S,
    /// `None` once it has.
    tell: Option<oneshot::Sender<()>>,
}

impl<S> Greeted<S> {
    fn new(stream: S) -> (Self, oneshot::Receiver<()>) {
        let (tell, greeting) = oneshot::channel();
        let tell = Some(tell);
        (Self { stream, tell }, greeting)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before
            && let Some(tell) = self.tell.take()
        {
            // Whoever dials may have given up.
            let _ = tell.send(());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

async fn within<T>(limit: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "timed out")))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// Empty SETTINGS, with which a server begins.
    const GREETING: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

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
        let greet = async {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            socket.write_all(GREETING).await.expect("room");
            socket
        };
        let (connection, _silent) = tokio::join!(dialer.dial(address), greet);
        let connection = connection.expect("a connection");
        let closed = timeout(Duration::from_secs(10), connection.closed).await;
        closed.expect("given up").expect("no panic");
        assert!(connection.calls.is_closed());
    }

    // Control: `begin` without the greeting; the first three connections counted, and a call to each would have been lost.
    #[tokio::test]
    async fn a_connection_counts_once_the_server_has_spoken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let dialer = Dialer {
            ping_every: Duration::from_secs(60),
            ..dialer()
        };
        let close = async {
            for _ in 0..3 {
                drop(listener.accept().await.expect("a connection"));
            }
            let (mut socket, _) = listener.accept().await.expect("a connection");
            socket.write_all(GREETING).await.expect("room");
            socket
        };
        let dial = async {
            for _ in 0..3 {
                dialer.dial(address).await.expect_err("nobody spoke");
            }
            dialer.dial(address).await.expect("a connection")
        };
        let _open = tokio::join!(dial, close);
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
        while let Ok(Ok(socket)) = timeout(dialer().connect_within, TcpStream::connect(address)).await {
            queued.push(socket);
        }
        let dialed = timeout(Duration::from_secs(30), dialer().dial(address)).await;
        let error = dialed.expect("soon").expect_err("nobody answers");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
