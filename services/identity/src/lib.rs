//! The identity service: accounts, profiles, and the tokens that prove who calls.

mod domain;
mod keys;
mod passwords;
mod rpc;
pub mod settings;
mod store;
mod sweep;
mod throttles;
mod turns;

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;

use chrono::TimeDelta;
use kith_contracts::FILE_DESCRIPTOR_SET;
use kith_contracts::identity::v1::identity_service_server::{IdentityServiceServer, SERVICE_NAME};
use kith_postgres::Database;
use kith_rpc::{Authentication, Listeners, MAX_MESSAGE_BYTES, Methods, Readiness, Server};
use kith_telemetry::Metrics;
use kith_tokens::Verifier;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

pub use domain::Limit;
pub use settings::IdentitySettings;
pub use throttles::ThrottleSettings;

use keys::{Keeper, Keys, Mounted};
use passwords::Passwords;
use turns::Turns;

/// Deletions that wait for their turn at the most.
const MAX_WAITING_DELETIONS: usize = 1024;

/// What the handlers work with.
#[derive(Clone)]
struct App {
    database: Database,
    passwords: Passwords,
    /// Deletions run one at a time: two cascades that meet in the same counters would be each other's deadlock. Here they
    /// queue without a connection; a lock in the database orders those of other processes.
    deletions: Turns,
    keys: Keys,
    /// Every scope that a method of any service asks for, and so every one that a service account may have.
    scopes: Arc<BTreeSet<String>>,
    /// How long a session lives without a refresh.
    session_lifetime: TimeDelta,
    throttles: ThrottleSettings,
}

/// Serves identity on `listeners` until `shutdown`, then drains.
///
/// The database may be away, and its migrations too: health says NOT_SERVING until both are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    settings: IdentitySettings,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let readiness = Readiness::new();
    // All of them before any can be set: with only one there, the service would count as ready.
    let (there, signs) = (readiness.latch("database"), readiness.latch("signing key"));
    let verifier = Verifier::new(&settings.tokens.issuer, &settings.tokens.audience)?;
    let keys = Keys::new(settings.signing_keys, settings.tokens, signs)?;
    let mounted = Mounted::new(settings.signing_keys_file);
    let keeper = Keeper::new(keys.clone(), mounted, &settings.database_url, &settings.pool);
    let passwords =
        Passwords::new(settings.password_hashes_at_once).map_err(|_| "passwords cannot be hashed")?;
    let metrics = Metrics::new("identity");
    let database = Database::new(&settings.database_url, &settings.pool).counted_by(metrics.database());
    let app = App {
        database: database.clone(),
        passwords,
        deletions: Turns::new(1, MAX_WAITING_DELETIONS),
        keys: keys.clone(),
        scopes: Arc::new(Methods::from_descriptors(FILE_DESCRIPTOR_SET)?.scopes()),
        session_lifetime: TimeDelta::from_std(settings.session_lifetime)?,
        throttles: settings.throttles,
    };
    let server = Server {
        service: SERVICE_NAME,
        routes: routes(app),
        settings: settings.server,
        authentication: Authentication {
            verifier,
            keys: keys.verifying(),
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
    tokio::spawn(keeper.keep(settings.signing_keys_interval, shutdown.clone()));
    tokio::spawn(sweep::sweep(database, settings.sweep_interval, shutdown));
    Ok(server.serve(listeners).await?)
}

fn routes(app: App) -> Routes {
    let service = IdentityServiceServer::new(app)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(service)
}
