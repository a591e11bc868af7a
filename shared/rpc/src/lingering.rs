//! A close by which nothing is lost that was sent before.
//!
//! When a socket is closed on which something unread is, or arrives, TCP resets the connection. A client that writes at
//! that moment fails at its write, and does not read what we said last: the GOAWAY that tells it which of its calls were
//! not taken, and may be made again. So a connection that was asked to go away is closed in our direction only, and read
//! until the client has closed it too. Source: RFC 9112, section 9.6, which asks the same of HTTP/1.1.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long the other side may take to close a connection: some round trips.
const LINGER: Duration = Duration::from_secs(1);

/// A socket that comes back from whoever it was given to, when that is dropped.
pub(crate) struct Lent<S> {
    /// `None` only when it is on its way back.
    socket: Option<S>,
    back: Option<oneshot::Sender<S>>,
}

/// The `socket` to give away, and where it comes back.
pub(crate) fn lend<S>(socket: S) -> (Lent<S>, oneshot::Receiver<S>) {
    let (sender, receiver) = oneshot::channel();
    let lent = Lent {
        socket: Some(socket),
        back: Some(sender),
    };
    (lent, receiver)
}

/// Closes our direction of `socket`, and reads until the other side has closed the other one, or has had its time.
pub(crate) async fn close(mut socket: impl AsyncRead + AsyncWrite + Unpin) {
    let closed = async {
        socket.shutdown().await?;
        let mut unread = [0; 4096];
        while socket.read(&mut unread).await? > 0 {}
        io::Result::Ok(())
    };
    // However it ends: there is nobody left to tell.
    let _ = timeout(LINGER, closed).await;
}

impl<S> Drop for Lent<S> {
    fn drop(&mut self) {
        if let (Some(socket), Some(back)) = (self.socket.take(), self.back.take()) {
            // Nobody wants it back where the connection was not asked to go: it is closed here.
            let _ = back.send(socket);
        }
    }
}

impl<S: Unpin> Lent<S> {
    fn socket(&mut self) -> io::Result<Pin<&mut S>> {
        let socket = self.socket.as_mut().map(Pin::new);
        socket.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket()?.poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.as_ref().is_some_and(S::is_write_vectored)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write_vectored(cx, buffers)
    }
}
