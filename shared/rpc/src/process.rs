//! A service as a process of its own: settings, telemetry, listener, signals.

use std::error::Error;
use std::future::Future;
use std::process::ExitCode;

use kith_settings::{Environment, Program, Topic, load};
use kith_telemetry::{Exporters, LogSettings, OtlpSettings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::Listeners;

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
    "KITH_IDENTITY_ADMIN_LISTEN_ADDRESS",
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
    "KITH_MESSAGING_ADMIN_LISTEN_ADDRESS",
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
    "KITH_POSTS_ADMIN_LISTEN_ADDRESS",
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
    "KITH_SOCIAL_GRAPH_ADMIN_LISTEN_ADDRESS",
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

/// What ends a process that could not go on.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// The whole of a service's `main`: reads its settings, listens, runs it, and drains at SIGTERM or SIGINT.
///
/// Exit codes: 0 after a drain, 1 when the service could not run, 2 for mistakes in the settings.
pub fn main<T: Topic, F>(
    program: &Program,
    listen: impl FnOnce(&T) -> Result<Listeners, AnyError>,
    run: impl FnOnce(T, Listeners, CancellationToken) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), AnyError>>,
{
    let environment = Environment::of_process().expecting(VARIABLES.iter().copied());
    let loaded = load::<(LogSettings, OtlpSettings, T)>(program, std::env::args_os(), &environment);
    let (logs, otlp, settings) = match loaded {
        Ok(settings) => settings,
        Err(error) => return error.report(),
    };
    let exporters = Exporters::start(&otlp, program.name, program.version);
    kith_telemetry::init(&logs, exporters.as_ref().unwrap_or(&Exporters::default()));
    let served = exporters.and_then(|exporters| {
        let runtime = runtime()?;
        let served = runtime.block_on(async {
            let shutdown = shutdown_on_signal()?;
            let listeners = listen(&settings)?;
            let admin = listeners
                .admin
                .as_ref()
                .map(TcpListener::local_addr)
                .transpose()?;
            let admin = admin.map(tracing::field::display);
            tracing::info!(address = %listeners.calls.local_addr()?, admin, "listening");
            run(settings, listeners, shutdown).await
        });
        exporters.finish();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the service could not run");
            ExitCode::FAILURE
        }
    }
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
