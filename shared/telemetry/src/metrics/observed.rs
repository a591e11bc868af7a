//! Gauges whose values somebody else knows: they are asked for at each scrape, and cost nothing in between.

use std::sync::{Arc, OnceLock};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};

use super::fixed;

/// The values of a gauge's `N` labels, and its own.
pub(super) type Reading<const N: usize> = ([&'static str; N], f64);

type Reader<const N: usize> = Box<dyn Fn() -> Vec<Reading<N>> + Send + Sync>;

/// A gauge with `N` labels. Without a reader it has no values.
pub(super) struct Observed<const N: usize>(Arc<Inner<N>>);

struct Inner<const N: usize> {
    opts: Opts,
    labels: [&'static str; N],
    /// For its description alone.
    gauges: GaugeVec,
    reader: OnceLock<Reader<N>>,
}

impl<const N: usize> Observed<N> {
    pub(super) fn new(name: &str, help: &str, labels: [&'static str; N]) -> Self {
        let opts = Opts::new(name, help);
        Self(Arc::new(Inner {
            gauges: fixed(GaugeVec::new(opts.clone(), &labels)),
            opts,
            labels,
            reader: OnceLock::new(),
        }))
    }

    /// The values as they are now.
    pub(super) fn readings(&self) -> Vec<Reading<N>> {
        self.0.reader.get().map(|read| read()).unwrap_or_default()
    }

    /// Has `read` asked from now on; the first who says so stays.
    pub(super) fn read_by(&self, read: impl Fn() -> Vec<Reading<N>> + Send + Sync + 'static) {
        let _ = self.0.reader.set(Box::new(read));
    }
}

impl<const N: usize> Clone for Observed<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<const N: usize> Collector for Observed<N> {
    fn desc(&self) -> Vec<&Desc> {
        self.0.gauges.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // New ones each time: what is not there any more must not be told, whoever else is asking.
        let gauges = fixed(GaugeVec::new(self.0.opts.clone(), &self.0.labels));
        for (labels, value) in self.readings() {
            gauges.with_label_values(&labels).set(value);
        }
        gauges.collect()
    }
}
