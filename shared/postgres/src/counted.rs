//! Which database the work belongs to that runs here, for those who count its statements: they are run by a function that
//! knows a connection at most.

use std::future::Future;

use kith_telemetry::DatabaseMetrics;

tokio::task_local! {
    static METRICS: Option<DatabaseMetrics>;
}

/// Runs `work`, whose statements and attempts are counted in `metrics`.
pub(crate) async fn within<T>(metrics: Option<&DatabaseMetrics>, work: impl Future<Output = T>) -> T {
    METRICS.scope(metrics.cloned(), work).await
}

/// Counts something where this is counted at all.
pub(crate) fn count(what: impl FnOnce(&DatabaseMetrics)) {
    // It fails outside of `within`: in migrations, and where a connection is used by itself.
    let _ = METRICS.try_with(|metrics| metrics.as_ref().map(what));
}
