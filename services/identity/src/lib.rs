//! The identity service: accounts, profiles, and the tokens that prove who calls.

mod domain;
mod passwords;
mod rpc;
mod settings;
mod store;

use std::error::Error;
use std::sync::Arc;

use chrono::TimeDelta;
use kith_contracts::identity::v1::identity_service_server::{IdentityServiceServer, SERVICE_NAME};
use kith_postgres::Database;
use kith_rpc::{Authentication, MAX_MESSAGE_BYTES, Readiness, Server};
use kith_tokens::{Issuer, SharedKeys, Verifier, VerifyingKeys};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

pub use settings::IdentitySettings;

use passwords::Passwords;

/// What the handlers work with.
#[derive(Clone)]
struct App {
    database: Database,
    passwords: Passwords,
    issuer: Arc<Issuer>,
    /// How long a session lives without a refresh.
    session_lifetime: TimeDelta,
}

/// Serves identity on `listener` until `shutdown`, then drains.
///
/// The database may be away, and its migrations too: health says NOT_SERVING until both are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    settings: IdentitySettings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let database = Database::new(&settings.database_url, &settings.pool);
    let readiness = Readiness::new();
    let latch = readiness.latch("database");
    let watcher = kith_schema::watch(
        settings.database_url.clone(),
        move |there| latch.set(there),
        shutdown.clone(),
    );
    tokio::spawn(watcher);

    let keys = SharedKeys::own(VerifyingKeys::new([settings.signing_key.public_key()]));
    let verifier = Verifier::new(&settings.tokens.issuer, &settings.tokens.audience)?;
    let issuer = Issuer::new(
        settings.signing_key,
        settings.tokens.issuer,
        settings.tokens.audience,
    )?;
    let passwords =
        Passwords::new(settings.password_hashes_at_once).map_err(|_| "passwords cannot be hashed")?;
    let app = App {
        database,
        passwords,
        issuer: Arc::new(issuer),
        session_lifetime: TimeDelta::from_std(settings.session_lifetime)?,
    };
    let server = Server {
        service: SERVICE_NAME,
        routes: routes(app),
        settings: settings.server,
        authentication: Authentication { verifier, keys },
        readiness,
        shutdown,
    };
    Ok(server.serve(listener).await?)
}

fn routes(app: App) -> Routes {
    let service = IdentityServiceServer::new(app)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(service)
}
