//! Which database the work belongs to that runs here, for spans and for those who count its statements: they are run by a
//! function that knows a connection at most.

use std::future::Future;
use std::sync::Arc;

use kith_telemetry::{DatabaseMetrics, DatabaseServer};

tokio::task_local! {
    static AROUND: Around;
}

struct Around {
    metrics: Option<DatabaseMetrics>,
    server: Arc<DatabaseServer>,
}

/// Runs `work` at `server`, whose statements and attempts are counted in `metrics`.
pub(crate) async fn within<T>(
    metrics: Option<&DatabaseMetrics>,
    server: &Arc<DatabaseServer>,
    work: impl Future<Output = T>,
) -> T {
    let (metrics, server) = (metrics.cloned(), Arc::clone(server));
    AROUND.scope(Around { metrics, server }, work).await
}

/// Counts something where this is counted at all.
pub(crate) fn count(what: impl FnOnce(&DatabaseMetrics)) {
    // It fails outside of `within`: in migrations, and where a connection is used by itself.
    let _ = AROUND.try_with(|around| around.metrics.as_ref().map(what));
}

/// The server, where one is known.
pub(crate) fn server() -> Option<Arc<DatabaseServer>> {
    AROUND.try_with(|around| Arc::clone(&around.server)).ok()
}
