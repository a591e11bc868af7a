//! Posts: what users write, and what others make of it.

mod domain;
mod rpc;
pub mod settings;
mod store;

use kith_contracts::posts::v1::posts_service_server::{PostsServiceServer, SERVICE_NAME};
use kith_postgres::Database;
use kith_rpc::process::AnyError;
use kith_rpc::{Listeners, MAX_MESSAGE_BYTES};
use kith_telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

pub use settings::PostsSettings;

/// What the handlers work with.
#[derive(Clone)]
struct App {
    database: Database,
}

/// Serves posts, likes, shares and timelines on `listeners` until `shutdown`, then drains.
///
/// The database, its migrations and identity may be away: health says NOT_SERVING until all are there.
///
/// # Errors
/// When the service cannot be put together. Nothing was served then.
pub async fn run(
    settings: PostsSettings,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), AnyError> {
    let metrics = Metrics::new("posts");
    let app = App {
        database: settings.service.database(&metrics),
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
    let service = PostsServiceServer::new(app)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    Routes::new(service)
}
