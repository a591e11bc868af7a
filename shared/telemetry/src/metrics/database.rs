//! The pool of database connections, and the statements that go through it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, Meter};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::observed::Observed;
use super::{add, fixed};
use crate::names;

/// Seconds. A statement by key takes less than the first; `statement_timeout` ends it before the last.
const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// What a pool has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolReading {
    /// Connections that somebody uses.
    pub used: usize,
    /// Connections that nobody uses.
    pub idle: usize,
    /// The most connections there may be.
    pub max: usize,
    /// Calls that wait for one.
    pub pending: usize,
}

/// What is counted of a database. Clones share it.
#[derive(Clone)]
pub struct DatabaseMetrics(Arc<Inner>);

struct Inner {
    count: Observed<1>,
    max: Observed<0>,
    pending: Observed<0>,
    wait_seconds: prometheus::Histogram,
    timeouts: IntCounter,
    query_seconds: HistogramVec,
    retries: IntCounterVec,
    exported: Exported,
}

/// The same for OpenTelemetry.
struct Exported {
    meter: Meter,
    pool: [KeyValue; 1],
    wait_time: Histogram<f64>,
    timeouts: Counter<u64>,
    query_duration: Histogram<f64>,
}

impl DatabaseMetrics {
    pub(super) fn new(registry: &Registry, meter: &Meter, service: &str) -> Self {
        let gauge = |name: &str, help: &str| add(registry, Observed::new(name, help, []));
        let wait = HistogramOpts::new(
            "db_client_connection_wait_time_seconds",
            "How long work waited for a connection, in seconds.",
        );
        let query = HistogramOpts::new(
            "db_client_operation_duration_seconds",
            "How long statements took, by the names of their queries, in seconds.",
        );
        let timeouts = IntCounter::new(
            "db_client_connection_timeouts_total",
            "Work that got no connection in time.",
        );
        let retries = Opts::new(
            "kith_db_retries_total",
            "Attempts that were made once more: after a conflict with other work, or on another connection.",
        );
        Self(Arc::new(Inner {
            count: add(
                registry,
                Observed::new(
                    "db_client_connection_count",
                    "Connections to the database.",
                    ["state"],
                ),
            ),
            max: gauge("db_client_connection_max", "The most connections there may be."),
            pending: gauge(
                "db_client_connection_pending_requests",
                "Work that waits for a connection.",
            ),
            wait_seconds: add(
                registry,
                fixed(prometheus::Histogram::with_opts(wait.buckets(BUCKETS.to_vec()))),
            ),
            timeouts: add(registry, fixed(timeouts)),
            query_seconds: add(
                registry,
                fixed(HistogramVec::new(
                    query.buckets(BUCKETS.to_vec()),
                    &["db_query_summary"],
                )),
            ),
            retries: add(registry, fixed(IntCounterVec::new(retries, &["reason"]))),
            exported: Exported::new(meter, service),
        }))
    }

    /// Work waited for so long, and got a connection or not.
    pub fn waited(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        self.0.wait_seconds.observe(seconds);
        self.0.exported.wait_time.record(seconds, &self.0.exported.pool);
    }

    /// Work got no connection within the time that the pool gives it; the deadline of a caller does not count.
    pub fn timed_out(&self) {
        self.0.timeouts.inc();
        self.0.exported.timeouts.add(1, &self.0.exported.pool);
    }

    /// A statement ended; `error` is the sort of its error, of which there are few.
    pub fn query_finished(&self, name: &'static str, duration: Duration, error: Option<&'static str>) {
        let seconds = duration.as_secs_f64();
        self.0.query_seconds.with_label_values(&[name]).observe(seconds);
        let exported = &self.0.exported.query_duration;
        let system = KeyValue::new(names::DB_SYSTEM_NAME, "postgresql");
        let summary = KeyValue::new(names::DB_QUERY_SUMMARY, name);
        match error {
            None => exported.record(seconds, &[system, summary]),
            Some(error) => exported.record(
                seconds,
                &[system, summary, KeyValue::new(names::ERROR_TYPE, error)],
            ),
        }
    }

    /// These are all the reasons there are for another attempt: each begins at 0.
    pub fn expect_retries(&self, reasons: &[&'static str]) {
        for reason in reasons {
            self.0.retries.with_label_values(&[reason]);
        }
    }

    /// Another attempt is made.
    pub fn retried(&self, reason: &'static str) {
        self.0.retries.with_label_values(&[reason]).inc();
    }

    /// Asks `read` at each scrape and export what the pool has; `None` once it is gone.
    pub fn watch_pool(&self, read: impl Fn() -> Option<PoolReading> + Send + Sync + 'static) {
        let read = Arc::new(read);
        let each = |of: fn(PoolReading) -> usize| {
            let read = Arc::clone(&read);
            move || {
                read()
                    .map(of)
                    .map(|value| ([], number(value)))
                    .into_iter()
                    .collect()
            }
        };
        self.0.max.read_by(each(|pool| pool.max));
        self.0.pending.read_by(each(|pool| pool.pending));
        self.0.count.read_by(move || {
            let states = |pool: PoolReading| [(["idle"], number(pool.idle)), (["used"], number(pool.used))];
            read().map(states).into_iter().flatten().collect()
        });
        self.0.exported.watch(&self.0);
    }
}

impl fmt::Debug for DatabaseMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseMetrics")
    }
}

impl Exported {
    fn new(meter: &Meter, service: &str) -> Self {
        let histogram = |name, help| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(help)
                .with_boundaries(BUCKETS.to_vec())
                .build()
        };
        Self {
            pool: [KeyValue::new(names::DB_CONNECTION_POOL_NAME, service.to_owned())],
            wait_time: histogram(
                names::DB_CONNECTION_WAIT_TIME,
                "The time it took to obtain an open connection from the pool.",
            ),
            timeouts: meter
                .u64_counter(names::DB_CONNECTION_TIMEOUTS)
                .with_unit("{timeout}")
                .with_description("The number of connection timeouts that have occurred trying to obtain a connection from the pool.")
                .build(),
            query_duration: histogram(
                names::DB_OPERATION_DURATION,
                "Duration of database client operations.",
            ),
            meter: meter.clone(),
        }
    }

    /// Has the gauges asked for at each export.
    fn watch(&self, gauges: &Inner) {
        self.watch_one(
            names::DB_CONNECTION_COUNT,
            "{connection}",
            "The number of connections that are currently in state described by the state attribute.",
            &gauges.count,
            |[state]| vec![KeyValue::new(names::DB_CONNECTION_STATE, state)],
        );
        self.watch_one(
            names::DB_CONNECTION_MAX,
            "{connection}",
            "The maximum number of open connections allowed.",
            &gauges.max,
            |[]| Vec::new(),
        );
        self.watch_one(
            names::DB_CONNECTION_PENDING_REQUESTS,
            "{request}",
            "The number of current pending requests for an open connection.",
            &gauges.pending,
            |[]| Vec::new(),
        );
    }

    fn watch_one<const N: usize>(
        &self,
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        gauge: &Observed<N>,
        attributes: impl Fn([&'static str; N]) -> Vec<KeyValue> + Send + Sync + 'static,
    ) {
        let (gauge, pool) = (gauge.clone(), self.pool.clone());
        let counter = self.meter.i64_observable_up_down_counter(name);
        let counter = counter.with_unit(unit).with_description(help);
        // Nothing hangs on the instrument: the provider keeps what it asks.
        let _ = counter
            .with_callback(move |observer| {
                for (labels, value) in gauge.readings() {
                    let mut attributes = attributes(labels);
                    attributes.extend(pool.iter().cloned());
                    #[allow(clippy::cast_possible_truncation)]
                    observer.observe(value as i64, &attributes);
                }
            })
            .build();
    }
}

#[allow(clippy::cast_precision_loss)]
fn number(count: usize) -> f64 {
    count as f64
}
