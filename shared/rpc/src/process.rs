//! A service as a process of its own: settings, telemetry, listener, signals.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::process::ExitCode;

use kith_settings::{Environment, Program, Topic, load};
use kith_telemetry::LogSettings;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The variables of all programs of Kith, so that one environment does for all of them.
pub const VARIABLES: &[&str] = &[
    "KITH_CLIENT_CERTIFICATE_FILE",
    "KITH_CLIENT_KEY_FILE",
    "KITH_DATABASE_URL",
    "KITH_DATABASE_URL_FILE",
    "KITH_DATA_DIRECTORY",
    "KITH_DEFAULT_DEADLINE",
    "KITH_DRAIN_TIMEOUT",
    "KITH_FRIEND_REQUESTS_AT_ONCE",
    "KITH_FRIEND_REQUEST_COOLDOWN",
    "KITH_GRPC_WEB_ORIGINS",
    "KITH_IDENTITY_DATABASE_URL",
    "KITH_IDENTITY_DATABASE_URL_FILE",
    "KITH_IDENTITY_LISTEN_ADDRESS",
    "KITH_IDENTITY_URL",
    "KITH_LOG_FILTER",
    "KITH_LOG_FORMAT",
    "KITH_MAX_CONCURRENT_CALLS",
    "KITH_MAX_CONCURRENT_CALLS_PER_CALLER",
    "KITH_MAX_CONCURRENT_CALLS_PER_SERVICE",
    "KITH_MAX_CONNECTION_AGE",
    "KITH_MAX_DEADLINE",
    "KITH_MESSAGING_DATABASE_URL",
    "KITH_MESSAGING_DATABASE_URL_FILE",
    "KITH_MESSAGING_LISTEN_ADDRESS",
    "KITH_OPERATOR_TOKEN",
    "KITH_OPERATOR_TOKEN_FILE",
    "KITH_PASSWORD_HASHES_AT_ONCE",
    "KITH_PLAINTEXT",
    "KITH_POOL_CHECKOUT_TIMEOUT",
    "KITH_POOL_MAX_LIFETIME",
    "KITH_POOL_SIZE",
    "KITH_POSTGRES_BIN",
    "KITH_POSTS_DATABASE_URL",
    "KITH_POSTS_DATABASE_URL_FILE",
    "KITH_POSTS_LISTEN_ADDRESS",
    "KITH_REFLECTION",
    "KITH_SERVER_CA_FILE",
    "KITH_SESSION_LIFETIME",
    "KITH_SHUTDOWN_DELAY",
    "KITH_SIGNING_KEY",
    "KITH_SIGNING_KEYS_INTERVAL",
    "KITH_SIGNING_KEY_FILE",
    "KITH_SOCIAL_GRAPH_DATABASE_URL",
    "KITH_SOCIAL_GRAPH_DATABASE_URL_FILE",
    "KITH_SOCIAL_GRAPH_LISTEN_ADDRESS",
    "KITH_SOCIAL_GRAPH_URL",
    "KITH_THROTTLE_BY_SERVICE",
    "KITH_THROTTLE_REFRESH_BY_CALLER",
    "KITH_THROTTLE_REFRESH_BY_SESSION",
    "KITH_THROTTLE_REGISTER_BY_CALLER",
    "KITH_THROTTLE_SIGN_IN",
    "KITH_THROTTLE_SIGN_IN_BY_ACCOUNT",
    "KITH_THROTTLE_SIGN_IN_BY_CALLER",
    "KITH_TLS_CERTIFICATE_FILE",
    "KITH_TLS_CLIENT_CA_FILE",
    "KITH_TLS_KEY_FILE",
    "KITH_TOKEN_AUDIENCE",
    "KITH_TOKEN_ISSUER",
];

/// Connections that wait to be accepted.
const MAX_WAITING_CONNECTIONS: u32 = 4096;

/// What ends a process that could not go on.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// The whole of a service's `main`: reads its settings, listens, runs it, and drains at SIGTERM or SIGINT.
///
/// Exit codes: 0 after a drain, 1 when the service could not run, 2 for mistakes in the settings.
pub fn main<T: Topic, F>(
    program: &Program,
    listen_address: impl FnOnce(&T) -> SocketAddr,
    run: impl FnOnce(T, TcpListener, CancellationToken) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), AnyError>>,
{
    let environment = Environment::of_process().expecting(VARIABLES.iter().copied());
    let (logs, settings) = match load::<(LogSettings, T)>(program, std::env::args_os(), &environment) {
        Ok(settings) => settings,
        Err(error) => return error.report(),
    };
    kith_telemetry::init(&logs);
    let served = runtime().and_then(|runtime| {
        runtime.block_on(async {
            let shutdown = shutdown_on_signal()?;
            let listener = listen(listen_address(&settings))?;
            tracing::info!(address = %listener.local_addr()?, "listening");
            run(settings, listener, shutdown).await
        })
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the service could not run");
            ExitCode::FAILURE
        }
    }
}

/// Listens on `address`, with room for a crowd: 4,096 connections may wait to be accepted, or as many as the operating
/// system allows. Rust's own 128 overflow when the clients of a replica that went away come all at once, and each of those
/// waits for a second or more before it tries again.
///
/// # Errors
/// When the address is taken or not ours.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // What a process before us left behind is no reason to wait.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(MAX_WAITING_CONNECTIONS)
}

/// The runtime that every Kith process has.
///
/// # Errors
/// When the operating system gives no threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, AnyError> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// A token that the first SIGTERM or SIGINT cancels. The second ends the process at once.
///
/// # Errors
/// When signals cannot be listened to.
pub fn shutdown_on_signal() -> std::io::Result<CancellationToken> {
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = shutdown.clone();
    tokio::spawn(async move {
        for seen in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if seen > 0 {
                std::process::exit(130);
            }
            tracing::info!("shutting down; a second signal ends the process at once");
            token.cancel();
        }
    });
    Ok(shutdown)
}
