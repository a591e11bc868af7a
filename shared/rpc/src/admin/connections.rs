//! The connections of the admin port: few, and none that can keep the others out.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Connections at once. One more, and the oldest is closed: probes and scrapers connect anew, and whoever holds
/// connections open that say nothing keeps nobody out.
const MAX_CONNECTIONS: usize = 64;
/// How long a caller may take for the headers of a request, and be silent between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of headers that are kept of a request.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Streams that one connection may have open at once.
const MAX_CONCURRENT_STREAMS: u32 = 16;
/// How often a silent HTTP/2 connection is asked whether it lives, and how long it may think about it.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));
/// Pause after a failed accept.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(100);

/// Serves `listener` for ever. Its connections end with the future.
pub(crate) async fn serve(listener: TcpListener, router: Router) -> Infallible {
    let mut tasks = JoinSet::new();
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    open.retain(|connection| !connection.is_finished());
                    if open.len() >= MAX_CONNECTIONS && let Some(oldest) = open.pop_front() {
                        oldest.abort();
                    }
                    open.push_back(tasks.spawn(speak(socket, router.clone())));
                }
                // Too frequent a thing to be told here: the port for calls counts its own.
                Err(_) => sleep(ACCEPT_BACK_OFF).await,
            },
        }
    }
}

async fn speak(socket: TcpStream, router: Router) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .keep_alive_interval(KEEPALIVE.0)
        .keep_alive_timeout(KEEPALIVE.1);
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder.serve_connection(TokioIo::new(socket), service).await {
        tracing::debug!(error, "a connection of the admin port ended badly");
    }
}
