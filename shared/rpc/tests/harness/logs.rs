use std::io;
use std::sync::OnceLock;

use kith_telemetry::{LogFormat, LogSettings};
use serde_json::Value;
use tokio::sync::watch;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::soon;

static LINES: OnceLock<watch::Sender<Vec<Value>>> = OnceLock::new();

/// Keeps every line that this process logs from now on, whichever test wrote it.
pub(crate) fn capture_logs() {
    lines();
}

/// The line of the access log for the call with this id.
pub(crate) async fn access_line(request_id: &str) -> Value {
    line(|line| line["target"] == "kith::access" && line["kith.request_id"] == request_id).await
}

/// The first line that is `wanted`, as soon as it is written.
pub(crate) async fn line(wanted: impl Fn(&Value) -> bool) -> Value {
    let mut changes = lines().subscribe();
    let lines = changes.wait_for(|lines| lines.iter().any(&wanted));
    let lines = soon(lines).await.expect("the sender is here");
    lines
        .iter()
        .find(|line| wanted(line))
        .cloned()
        .expect("it was found")
}

/// How many lines were `wanted` so far.
pub(crate) fn count_lines(wanted: impl Fn(&Value) -> bool) -> usize {
    lines().borrow().iter().filter(|line| wanted(line)).count()
}

fn lines() -> &'static watch::Sender<Vec<Value>> {
    LINES.get_or_init(|| {
        let settings = LogSettings {
            format: LogFormat::Json,
            filter: Targets::new().with_target("kith", LevelFilter::DEBUG),
        };
        let subscriber = kith_telemetry::subscriber(&settings, || Writer(Vec::new()), None);
        tracing::dispatcher::set_global_default(subscriber).expect("no other subscriber");
        watch::Sender::new(Vec::new())
    })
}

/// A line on its way.
struct Writer(Vec<u8>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let (Ok(line), Some(lines)) = (serde_json::from_slice(&self.0), LINES.get()) {
            lines.send_modify(|lines| lines.push(line));
        }
    }
}
