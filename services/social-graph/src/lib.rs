//! The social graph: what users are to each other, and what one may do to another.

mod domain;
mod rpc;
pub mod settings;
mod store;

use std::error::Error;

use kith_client::Builder;
use kith_contracts::social_graph::v1::social_graph_service_server::{SERVICE_NAME, SocialGraphServiceServer};
use kith_postgres::Database;
use kith_rpc::{Authentication, KeyRefresh, MAX_MESSAGE_BYTES, Readiness, Server, refresh_keys};
use kith_tokens::{SharedKeys, Verifier};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use store::Batches;

pub use settings::{FriendSettings, SocialGraphSettings};

/// What the handlers work with.
#[derive(Clone)]
struct App {
    database: Database,
    friends: FriendSettings,
    batches: Batches,
}

/// Serves the social graph on `listener` until `shutdown`, then drains.
///
/// The database, its migrations and identity may be away: health says NOT_SERVING until all are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    settings: SocialGraphSettings,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    // All of them before any can be set: with only one there, the service would count as ready.
    let readiness = Readiness::new();
    let (there, known) = (readiness.latch("database"), readiness.latch("signing keys"));
    let keys = SharedKeys::new();
    let identity = Builder::new(settings.identity_url)
        .tls(settings.identity_tls)
        .build()?;
    let database = Database::new(&settings.database_url, &settings.pool);
    let server = Server {
        service: SERVICE_NAME,
        routes: routes(App {
            database,
            friends: settings.friends,
            batches: Batches::new(),
        }),
        settings: settings.server,
        authentication: Authentication {
            verifier: Verifier::new(settings.tokens.issuer, settings.tokens.audience)?,
            keys: keys.clone(),
        },
        readiness,
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
    Ok(server.serve(listener).await?)
}

fn routes(app: App) -> Routes {
    let service = SocialGraphServiceServer::new(app)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(service)
}
