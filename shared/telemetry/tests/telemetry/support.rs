//! Logs and spans that a test can read.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use http::{HeaderMap, HeaderValue};
use kith_telemetry::{LogFormat, LogSettings};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};

pub(crate) const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const CALLERS_SPAN_ID: &str = "b7ad6b7169203331";
pub(crate) const METHOD: &str = "kith.identity.v1.IdentityService/GetUser";

/// The headers of a caller that is traced.
pub(crate) fn traced_headers() -> HeaderMap {
    headers(&format!("00-{TRACE_ID}-{CALLERS_SPAN_ID}-01"))
}

pub(crate) fn headers(traceparent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        "traceparent",
        HeaderValue::from_str(traceparent).expect("a header"),
    );
    headers.insert("tracestate", HeaderValue::from_static("vendor=1"));
    headers
}

pub(crate) fn settings(format: LogFormat, filter: &str) -> LogSettings {
    LogSettings {
        format,
        filter: filter.parse().expect("a filter"),
    }
}

/// Runs `work` with logs alone and answers the lines.
pub(crate) fn lines(settings: &LogSettings, work: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = kith_telemetry::subscriber(settings, move || writer.clone(), None);
    tracing::dispatcher::with_default(&subscriber, work);
    let bytes = written.bytes().clone();
    String::from_utf8(bytes)
        .expect("UTF-8")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Runs `work` with an exporter and answers the spans, in the order in which they ended.
pub(crate) fn spans(work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let settings = settings(LogFormat::Human, "off");
    let subscriber = kith_telemetry::subscriber(&settings, io::sink, Some(&provider));
    tracing::dispatcher::with_default(&subscriber, work);
    exporter.get_finished_spans().expect("spans")
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("no panic while writing")
    }
}

impl io::Write for Written {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.bytes().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
