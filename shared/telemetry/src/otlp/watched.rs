//! Exports that end in time, and whose failures are told once.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tracing::{info, warn};

use super::settings::Collector;

/// An exporter, bounded and looked after.
#[derive(Debug)]
pub(super) struct Watched<E> {
    exporter: E,
    signal: &'static str,
    endpoint: String,
    /// How long an export may take, with all its attempts. The exporter bounds each attempt, but not its connecting.
    limit: Duration,
    runtime: Handle,
    /// Exports that failed since the last that did not.
    failed: AtomicU64,
}

impl<E> Watched<E> {
    pub(super) fn new(exporter: E, signal: &'static str, to: &Collector, runtime: &Handle) -> Self {
        Self {
            exporter,
            signal,
            endpoint: to.url.clone(),
            limit: to.limit,
            runtime: runtime.clone(),
            failed: AtomicU64::new(0),
        }
    }

    async fn watch(&self, export: impl Future<Output = OTelSdkResult> + Send) -> OTelSdkResult {
        let bounded = async {
            let late = |_| Err(OTelSdkError::Timeout(self.limit));
            timeout(self.limit, export).await.unwrap_or_else(late)
        };
        let runtime = self.runtime.clone();
        let result = OnRuntime {
            runtime,
            work: Box::pin(bounded),
        };
        let result = result.await;
        self.tell(&result);
        result
    }

    /// One line when a collector takes no more, and one when it does again.
    fn tell(&self, result: &OTelSdkResult) {
        let Self { signal, endpoint, .. } = self;
        match result {
            Ok(()) => {
                let failed_exports = self.failed.swap(0, Ordering::Relaxed);
                if failed_exports > 0 {
                    info!(
                        signal,
                        endpoint, failed_exports, "the collector takes exports again"
                    );
                }
            }
            Err(error) => {
                if self.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                    warn!(signal, endpoint, %error, "the collector takes no exports; what it is not sent is lost");
                }
            }
        }
    }
}

impl<E: SpanExporter> SpanExporter for Watched<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.watch(self.exporter.export(batch)).await
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(limit)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Watched<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.watch(self.exporter.export(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, limit: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(limit)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}

/// Work that finds the timers of `runtime` wherever it is polled: the SDK does so in threads of its own.
struct OnRuntime<F> {
    runtime: Handle,
    work: Pin<Box<F>>,
}

impl<F: Future> Future for OnRuntime<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let runtime = self.runtime.clone();
        let _guard = runtime.enter();
        self.work.as_mut().poll(context)
    }
}
