//! The social graph: what users are to each other, and what one may do to another.

mod domain;
mod rpc;
pub mod settings;
mod store;

use kith_contracts::social_graph::v1::social_graph_service_server::{SERVICE_NAME, SocialGraphServiceServer};
use kith_postgres::Database;
use kith_rpc::process::AnyError;
use kith_rpc::{Listeners, MAX_MESSAGE_BYTES};
use kith_telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use store::Batches;

pub use settings::{FriendSettings, SocialGraphSettings};

/// The most pairs of users that one process has locked at the same time, each by a lock of the database's lock table: those
/// of all batches that may write at once, each of the largest size.
pub const PAIR_LOCKS_AT_ONCE: usize = store::BATCHES_AT_ONCE * rpc::MAX_BATCH;

/// What the handlers work with.
#[derive(Clone)]
struct App {
    database: Database,
    friends: FriendSettings,
    batches: Batches,
}

/// Serves the social graph on `listeners` until `shutdown`, then drains.
///
/// The database, its migrations and identity may be away: health says NOT_SERVING until all are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    settings: SocialGraphSettings,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), AnyError> {
    let metrics = Metrics::new("social-graph");
    let app = App {
        database: settings.service.database(&metrics),
        friends: settings.friends,
        batches: Batches::new(),
    };
    kith_service::run(
        SERVICE_NAME,
        routes(app),
        settings.service,
        metrics,
        listeners,
        shutdown,
    )
    .await
}

fn routes(app: App) -> Routes {
    let service = SocialGraphServiceServer::new(app)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(service)
}
