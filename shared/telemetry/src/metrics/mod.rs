//! What is counted and measured of one service: for Prometheus, which reads it, and the part that has OpenTelemetry's
//! conventions also for that, where something exports it.

mod calls;
mod database;
mod observed;
mod process;
mod server;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::metrics::Meter;
use prometheus::core::Collector;
use prometheus::{GaugeVec, Opts, Registry, TextEncoder};

use calls::Calls;
use observed::Observed;
use process::Process;
use server::Server;

pub use calls::{CallType, MethodMetrics, RunningCall};
pub use database::{DatabaseMetrics, PoolReading};
pub use server::{Limit, OpenConnection};

use crate::names::OTHER;

/// The content type of [`Metrics::text`].
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the build was made of, where whoever built it said so.
const REVISION: Option<&str> = option_env!("KITH_REVISION");

/// The metrics of one service. Clones share them; another service has its own, also in the same process.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    calls: Calls,
    database: DatabaseMetrics,
    server: Server,
    ready: Observed<0>,
    dependency_ready: Observed<1>,
    signing_keys_age: Observed<0>,
}

impl Metrics {
    /// Of the service with this short name, for example `social-graph`. What is exported goes to the meters of the process.
    pub fn new(service: &str) -> Self {
        Self::with_meter(service, &opentelemetry::global::meter("kith"))
    }

    /// [`Metrics::new`] with a meter of one's own.
    pub fn with_meter(service: &str, meter: &Meter) -> Self {
        let registry = Registry::new();
        fixed(registry.register(Box::new(Process::new())));
        let labels = ["version", "revision", "service"];
        let opts = Opts::new(
            "kith_build_info",
            "What was built, and which service of it this is; always 1.",
        );
        let build = add(&registry, fixed(GaugeVec::new(opts, &labels)));
        build
            .with_label_values(&[env!("CARGO_PKG_VERSION"), REVISION.unwrap_or("unknown"), service])
            .set(1.0);
        let observed = |name, help| add(&registry, Observed::new(name, help, []));
        Self(Arc::new(Inner {
            calls: Calls::new(&registry, meter),
            database: DatabaseMetrics::new(&registry, meter, service),
            server: Server::new(&registry),
            ready: observed("kith_ready", "Whether the service serves: 1, or 0."),
            signing_keys_age: observed(
                "kith_signing_keys_age_seconds",
                "How long ago the keys that verify tokens were last known to be right, in seconds.",
            ),
            dependency_ready: add(
                &registry,
                Observed::new(
                    "kith_dependency_ready",
                    "Whether what the service needs is there: 1, or 0.",
                    ["dependency"],
                ),
            ),
            registry,
        }))
    }

    /// Everything as it is now, in the text format of Prometheus.
    pub fn text(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.0.registry.gather());
        // Only families without a name or a value cannot be written, and the registry has none.
        text.unwrap_or_default()
    }

    /// What is counted of the calls of one method; ask once, and keep it. There must be an end to their number: all that
    /// are not known here go together, as [`Metrics::other_methods`].
    pub fn method(&self, call_type: CallType, service: &str, method: &str) -> MethodMetrics {
        self.0.calls.method(call_type, service, method)
    }

    /// What is counted of the calls of methods that there are not.
    pub fn other_methods(&self) -> MethodMetrics {
        self.method(CallType::Unary, OTHER, OTHER)
    }

    /// What is counted of the service's database.
    pub fn database(&self) -> &DatabaseMetrics {
        &self.0.database
    }

    /// A call was refused for a limit.
    pub fn call_refused(&self, limit: Limit) {
        self.0.server.refused(limit);
    }

    /// A connection of the port for calls is open until the answer is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.0.server.connection()
    }

    /// A connection could not be accepted.
    pub fn accept_failed(&self) {
        self.0.server.accept_failed();
    }

    /// Asks `read` at each scrape whether the service serves.
    pub fn watch_readiness(&self, read: impl Fn() -> bool + Send + Sync + 'static) {
        self.0.ready.read_by(move || vec![([], number(read()))]);
    }

    /// Asks `read` at each scrape what the service needs, and whether it is there.
    pub fn watch_dependencies(&self, read: impl Fn() -> Vec<(&'static str, bool)> + Send + Sync + 'static) {
        let reading = |(dependency, is_there)| ([dependency], number(is_there));
        self.0
            .dependency_ready
            .read_by(move || read().into_iter().map(reading).collect());
    }

    /// Asks `read` at each scrape how old the news of the keys is; `None` before there is any.
    pub fn watch_signing_keys(&self, read: impl Fn() -> Option<Duration> + Send + Sync + 'static) {
        let reading = |age: Duration| ([], age.as_secs_f64());
        self.0
            .signing_keys_age
            .read_by(move || read().map(reading).into_iter().collect());
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn number(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

/// Has the registry serve it.
fn add<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    fixed(registry.register(Box::new(collector.clone())));
    collector
}

/// What fails for bad names and for those that are there already, all of which are written down in this module.
fn fixed<T>(made: prometheus::Result<T>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => unreachable!("a metric cannot be made: {error}"),
    }
}
