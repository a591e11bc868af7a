//! Where lines and spans go.

use std::io::IsTerminal;
use std::sync::Once;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Dispatch, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, Registry, fmt};

use crate::names::{HEALTH_TARGET, RPC_TARGET, TARGET_PREFIX};
use crate::{Exporters, LogSettings};

/// Starts logging to standard error, for the whole process, and hands its spans to `exporters`. The first call decides;
/// later ones change nothing, and neither does any where a subscriber of somebody else is in place.
pub fn init(settings: &LogSettings, exporters: &Exporters) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let subscriber = assemble(settings, coloured, std::io::stderr, exporters.spans());
        // It fails where somebody else was first, which is what a test harness may do.
        let _ = tracing::dispatcher::set_global_default(subscriber);
        exporters.announce();
    });
}

/// What [`init`] starts, with a writer of one's own, and not yet in place. `spans` gets every span of Kith.
///
/// Without them no span is built for OpenTelemetry, and a caller's trace context is passed on as it came.
pub fn subscriber<W>(settings: &LogSettings, writer: W, spans: Option<&SdkTracerProvider>) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    assemble(settings, false, writer, spans)
}

fn assemble<W>(
    settings: &LogSettings,
    coloured: bool,
    writer: W,
    spans: Option<&SdkTracerProvider>,
) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = fmt::layer()
        .with_ansi(coloured)
        .event_format(settings.format)
        // A line shows the call that it belongs to, not the fields of spans: do not even format them.
        .fmt_fields(debug_fn(|_, _, _| Ok(())))
        .with_writer(writer)
        // Whatever the filter says, so that no line is without its call.
        .with_filter(settings.filter.clone().or(filter_fn(is_call_span)));
    let registry = Registry::default().with(lines);
    // Not an `Option` of a layer: an absent one keeps lines that nobody wants from being skipped at no cost.
    match spans {
        None => Dispatch::new(registry),
        Some(provider) => Dispatch::new(registry.with(exported(provider))),
    }
}

/// Spans go to OpenTelemetry, lines do not: an access log is not a trace.
fn exported<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let scope = InstrumentationScope::builder("kith")
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer_with_scope(scope))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        // Parents are found through tracing's own spans, which all of Kith uses.
        .with_context_activation(false)
        .with_filter(filter_fn(is_exported))
}

fn is_call_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && matches!(metadata.target(), RPC_TARGET | HEALTH_TARGET)
}

fn is_exported(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    metadata.is_span() && target.starts_with(TARGET_PREFIX) && target != HEALTH_TARGET
}
