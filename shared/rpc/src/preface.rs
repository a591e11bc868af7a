//! A limit for callers who connect and say nothing: HTTP itself would wait for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Bytes that every HTTP/2 client sends first. A request of HTTP/1.1 has more.
const PREFACE_BYTES: usize = 24;

/// A connection whose reads fail when the preface has not arrived in time.
pub(crate) struct PrefaceInTime<S> {
    socket: S,
    missing: usize,
    /// `None` once the preface is there.
    limit: Option<Pin<Box<Sleep>>>,
}

impl<S> PrefaceInTime<S> {
    /// Gives the other side of `socket` so long for its preface.
    pub(crate) fn new(socket: S, limit: Duration) -> Self {
        Self {
            socket,
            missing: PREFACE_BYTES,
            limit: Some(Box::pin(sleep(limit))),
        }
    }

    fn count(&mut self, read: usize) {
        self.missing = self.missing.saturating_sub(read);
        if self.missing == 0 {
            self.limit = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PrefaceInTime<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, buffer) {
            self.count(buffer.filled().len() - before);
            return Poll::Ready(read);
        }
        match self.limit.as_mut() {
            None => Poll::Pending,
            Some(limit) => {
                ready!(limit.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PrefaceInTime<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, buffers)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    // Control: `poll_read` that waits on at the limit.
    #[tokio::test]
    async fn a_caller_who_sends_less_than_the_preface_is_cut_off() {
        let (mut caller, server) = duplex(64);
        let mut server = PrefaceInTime::new(server, Duration::ZERO);
        caller.write_all(&[0; PREFACE_BYTES - 1]).await.expect("room");
        let mut bytes = [0; PREFACE_BYTES];
        let read = timeout(Duration::from_secs(30), server.read_exact(&mut bytes)).await;
        let read = read.expect("it ends");
        assert_eq!(read.map_err(|error| error.kind()), Err(io::ErrorKind::TimedOut));
    }

    // Control: `count` that leaves the limit; the read failed at once.
    #[tokio::test]
    async fn after_the_preface_a_caller_may_be_silent() {
        let (mut caller, server) = duplex(64);
        let mut server = PrefaceInTime::new(server, Duration::ZERO);
        caller.write_all(&[0; PREFACE_BYTES]).await.expect("room");
        server
            .read_exact(&mut [0; PREFACE_BYTES])
            .await
            .expect("the preface");
        let silence = timeout(Duration::from_millis(50), server.read_u8()).await;
        assert!(silence.is_err(), "{silence:?}");
        caller.write_u8(7).await.expect("room");
        assert_eq!(server.read_u8().await.ok(), Some(7));
    }
}
