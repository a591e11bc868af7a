//! A service's life, from its settings to the end of its drain.

use kith_client::Builder;
use kith_rpc::process::AnyError;
use kith_rpc::{Authentication, KeyRefresh, Listeners, Readiness, Server, refresh_keys};
use kith_telemetry::Metrics;
use kith_tokens::{SharedKeys, Verifier};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::ServiceSettings;

/// Serves `routes` on `listeners` until `shutdown`, then drains. `service` is the full name of their gRPC service, and
/// `metrics` what is counted of it.
///
/// The database, its migrations and identity may be away: health says NOT_SERVING until all are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    service: &'static str,
    routes: Routes,
    settings: ServiceSettings,
    metrics: Metrics,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), AnyError> {
    // All of them before any can be set: with only one there, the service would count as ready.
    let readiness = Readiness::new();
    let (there, known) = (readiness.latch("database"), readiness.latch("signing keys"));
    let keys = SharedKeys::new();
    let identity = Builder::new(settings.identity_url)
        .tls(settings.identity_tls)
        .build()?;
    let server = Server {
        service,
        routes,
        settings: settings.server,
        authentication: Authentication {
            verifier: Verifier::new(settings.tokens.issuer, settings.tokens.audience)?,
            keys: keys.clone(),
        },
        readiness,
        metrics,
        shutdown: shutdown.clone(),
    };
    tokio::spawn(kith_schema::watch(
        settings.database_url,
        settings.pool,
        move |is_there| there.set(is_there),
        shutdown.clone(),
    ));
    let refresh = KeyRefresh::every(settings.signing_keys_interval);
    tokio::spawn(refresh_keys(refresh, identity, keys, known, shutdown));
    Ok(server.serve(listeners).await?)
}
