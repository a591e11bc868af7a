//! A process of its own, since exporters write their lines in threads of their own, which only the subscriber of a whole
//! process sees.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use kith_settings::{Environment, Program, load};
use kith_telemetry::{Exporters, LogFormat, LogSettings, OtlpSettings, rpc_span, subscriber};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

// Control: no look at `failed`; there were three lines.
#[test]
fn a_collector_that_is_away_costs_one_line_for_all_exports_that_fail() {
    let program = Program {
        name: "demo",
        version: "1",
        about: "",
    };
    let url = nowhere();
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str()),
        // Before the SDK itself gives up a flush.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ];
    let settings: OtlpSettings =
        load(&program, ["demo".into()], &Environment::from(variables)).expect("settings");
    let exporters = Exporters::start(&settings, "demo", "1").expect("exporters");
    let logs = LogSettings {
        format: LogFormat::Human,
        filter: "info".parse().expect("a filter"),
    };
    let written = Written::default();
    let writer = written.clone();
    let subscriber = subscriber(&logs, move || writer.clone(), exporters.spans());
    tracing::dispatcher::set_global_default(subscriber).expect("the first");
    for _ in 0..3 {
        rpc_span("kith.test.Service/Method", "r1").in_scope(|| ());
        let flushed = exporters.spans().expect("a provider").force_flush();
        flushed.expect_err("nobody takes it");
    }
    exporters.finish();
    let bytes = written.0.lock().expect("no panic").clone();
    let lines = String::from_utf8(bytes).expect("UTF-8");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    for part in ["the collector takes no exports", "signal=traces", &url] {
        assert!(lines.contains(part), "{lines}");
    }
}
