//! Traces and metrics for a collector, by OTLP over gRPC, told by the variables that all programs with OpenTelemetry have.

mod rules;
mod settings;
mod warnings;
mod watched;

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::{Builder, Runtime};
use tracing::{info, warn};
use uuid::Uuid;

use self::settings::Collector;
use self::warnings::Warnings;
use self::watched::Watched;
use crate::names;

pub use self::settings::OtlpSettings;

/// How long the end of a process waits for what is still to be exported. It comes on top of the drain.
const FINISH_WITHIN: Duration = Duration::from_secs(1);

/// What ended before it began.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What exports traces and metrics, or does not, where nobody asked for it.
///
/// No call waits for an export: the SDK keeps spans in a queue, and drops what it has no room for.
#[derive(Debug, Default)]
pub struct Exporters {
    traces: Option<(SdkTracerProvider, String)>,
    metrics: Option<(SdkMeterProvider, String)>,
    /// One for the exporters alone, so that neither they nor the calls wait for each other.
    runtime: Option<Runtime>,
    warnings: Warnings,
}

impl Exporters {
    /// Begins to export what `settings` ask for, as the service `name`, unless `OTEL_SERVICE_NAME` says another.
    ///
    /// The provider of meters is that of the whole process from now on: `opentelemetry::global::meter`.
    ///
    /// # Errors
    /// When the operating system gives no thread, or a setting is one that the exporter refuses. A collector that is not
    /// there is no error.
    pub fn start(
        settings: &OtlpSettings,
        name: &'static str,
        version: &'static str,
    ) -> Result<Self, AnyError> {
        let warnings = settings.warnings.clone();
        if settings.traces.is_none() && settings.metrics.is_none() {
            return Ok(Self {
                warnings,
                ..Self::default()
            });
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kith-otlp")
            .enable_all()
            .build()?;
        let resource = resource(name, version);
        let with_url = |collector: &Collector| collector.url.clone();
        let traces = settings.traces.as_ref();
        let traces =
            traces.map(|to| Ok::<_, AnyError>((tracer_provider(to, &runtime, &resource)?, with_url(to))));
        let metrics = settings.metrics.as_ref();
        let metrics =
            metrics.map(|to| Ok::<_, AnyError>((meter_provider(to, &runtime, &resource)?, with_url(to))));
        let exporters = Self {
            traces: traces.transpose()?,
            metrics: metrics.transpose()?,
            runtime: Some(runtime),
            warnings,
        };
        if let Some((provider, _)) = &exporters.metrics {
            opentelemetry::global::set_meter_provider(provider.clone());
        }
        Ok(exporters)
    }

    /// Where spans go.
    pub fn spans(&self) -> Option<&SdkTracerProvider> {
        self.traces.as_ref().map(|(provider, _)| provider)
    }

    /// Says in the log what is exported, where to, and what is not followed.
    pub(crate) fn announce(&self) {
        self.warnings.tell();
        let traces = self.traces.as_ref().map(|(_, url)| ("traces", url));
        let metrics = self.metrics.as_ref().map(|(_, url)| ("metrics", url));
        for (signal, endpoint) in traces.into_iter().chain(metrics) {
            info!(signal, endpoint, "exporting by OTLP");
        }
    }

    /// Exports what is left, for a second at most, and ends. It blocks.
    pub fn finish(self) {
        let Some(runtime) = self.runtime else {
            return;
        };
        let (ended, ends) = mpsc::channel();
        // In threads of their own, since that of metrics waits for 5 seconds, whatever it is told.
        let end = |work: Box<dyn FnOnce() -> OTelSdkResult + Send>| {
            let ended = ended.clone();
            thread::spawn(move || ended.send(work().is_ok()));
        };
        let mut expected = 0;
        if let Some((provider, _)) = self.traces {
            end(Box::new(move || provider.shutdown_with_timeout(FINISH_WITHIN)));
            expected += 1;
        }
        if let Some((provider, _)) = self.metrics {
            end(Box::new(move || provider.shutdown_with_timeout(FINISH_WITHIN)));
            expected += 1;
        }
        if all_ended_well(&ends, expected, FINISH_WITHIN) {
            runtime.shutdown_background();
        } else {
            warn!("the last traces or metrics could not be exported, and are lost");
            // An export that goes on would panic without its timers. The process ends now.
            std::mem::forget(runtime);
        }
    }
}

/// Whether all of `expected` ends came, and were good. One that was not must not cost the others what they still export.
fn all_ended_well(ends: &Receiver<bool>, expected: usize, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    let left = || deadline.saturating_duration_since(Instant::now());
    let ended = (0..expected).map(|_| ends.recv_timeout(left()).unwrap_or(false));
    ended.filter(|well| *well).count() == expected
}

fn tracer_provider(
    to: &Collector,
    runtime: &Runtime,
    resource: &Resource,
) -> Result<SdkTracerProvider, AnyError> {
    // A channel begins with a task of its own.
    let _guard = runtime.enter();
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_channel(to.endpoint.connect_lazy())
        .with_timeout(to.limit)
        .build()?;
    Ok(SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(Watched::new(exporter, "traces", to, runtime.handle()))
        .build())
}

fn meter_provider(
    to: &Collector,
    runtime: &Runtime,
    resource: &Resource,
) -> Result<SdkMeterProvider, AnyError> {
    let _guard = runtime.enter();
    let exporter = MetricExporter::builder()
        .with_tonic()
        .with_channel(to.endpoint.connect_lazy())
        .with_timeout(to.limit)
        .build()?;
    let exporter = Watched::new(exporter, "metrics", to, runtime.handle());
    Ok(SdkMeterProvider::builder()
        .with_resource(resource.clone())
        .with_reader(PeriodicReader::builder(exporter).build())
        .build())
}

/// Who exports. What the variables say comes before what the program knows.
fn resource(name: &'static str, version: &'static str) -> Resource {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new(names::SERVICE_NAME, name),
            KeyValue::new(names::SERVICE_VERSION, version),
            KeyValue::new(names::SERVICE_INSTANCE_ID, Uuid::new_v4().to_string()),
        ])
        .with_detectors(&[
            Box::new(TelemetryResourceDetector),
            Box::new(EnvResourceDetector::new()),
        ]);
    match std::env::var(settings::SERVICE_NAME) {
        Ok(name) if !name.is_empty() => resource.with_service_name(name).build(),
        _ => resource.build(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use kith_settings::{Environment, Program, load};

    use super::*;
    use crate::{LogFormat, LogSettings, subscriber};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    // Control: no `warnings` where nothing is exported; there was no line.
    #[test]
    fn what_is_not_followed_is_told_at_start() {
        let program = Program {
            name: "demo",
            version: "1",
            about: "",
        };
        let environment = Environment::from([("OTEL_SDK_DISABLED", "1")]);
        let settings: OtlpSettings = load(&program, ["demo".into()], &environment).expect("settings");
        let exporters = Exporters::start(&settings, "demo", "1").expect("exporters");
        let logs = LogSettings {
            format: LogFormat::Human,
            filter: "info".parse().expect("a filter"),
        };
        let written = Written::default();
        let writer = written.clone();
        let subscriber = subscriber(&logs, move || writer.clone(), None);
        tracing::dispatcher::with_default(&subscriber, || exporters.announce());
        let bytes = written.0.lock().expect("no panic").clone();
        let lines = String::from_utf8(bytes).expect("UTF-8");
        assert!(lines.contains(" WARN "), "{lines}");
        assert!(
            lines.ends_with(
                "a variable of OpenTelemetry is not followed variable=OTEL_SDK_DISABLED \
                 problem=\"must be true or false, and counts as false; says \\\"1\\\"\"\n"
            ),
            "{lines}"
        );
    }

    // Control: `all` in place of the count; it did not wait for the second.
    #[test]
    fn an_export_that_failed_does_not_end_the_wait_for_the_other() {
        let (ended, ends) = mpsc::channel();
        let a_while = Duration::from_secs(60);
        for well in [false, true] {
            ended.send(well).expect("somebody waits");
        }
        assert!(!all_ended_well(&ends, 2, a_while));
        ends.try_recv().expect_err("both were waited for");
        for well in [true, true] {
            ended.send(well).expect("somebody waits");
        }
        assert!(all_ended_well(&ends, 2, a_while));
        assert!(!all_ended_well(&ends, 1, Duration::ZERO));
    }
}
