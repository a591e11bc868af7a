//! A process of its own, since the subscriber of a process is set once for all.

use kith_telemetry::{Exporters, LogFormat, LogSettings, init};

#[test]
fn the_first_call_decides_and_later_ones_do_no_harm() {
    let settings = |filter: &str| LogSettings {
        format: LogFormat::Human,
        filter: filter.parse().expect("a filter"),
    };
    init(&settings("warn"), &Exporters::default());
    init(&settings("trace"), &Exporters::default());
    assert!(tracing::enabled!(tracing::Level::WARN));
    assert!(!tracing::enabled!(tracing::Level::INFO));
}
