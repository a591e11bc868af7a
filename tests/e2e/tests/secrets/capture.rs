//! Everything that this process logs: every target, at every level, the fields of spans too.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::Registry;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps all that is logged from now on, more than any setting of Kith writes.
pub(crate) fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let all = Registry::default().with(Capture);
        tracing::subscriber::set_global_default(all).expect("no other subscriber");
    });
}

/// The lines that have one of these.
pub(crate) fn lines_with(needles: &[String]) -> Vec<String> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let has = |line: &&String| needles.iter().any(|needle| line.contains(needle.as_str()));
    lines.iter().filter(has).cloned().collect()
}

/// How many lines there are of each target that begins so.
pub(crate) fn count(target: &str) -> usize {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().filter(|line| line.starts_with(target)).count()
}

struct Capture;

impl<S: Subscriber> Layer<S> for Capture {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        write(span.metadata(), |line| span.record(line));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut line = Line("recorded later:".to_owned());
        values.record(&mut line);
        keep(line);
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        write(event.metadata(), |line| event.record(line));
    }
}

fn write(metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
    let mut line = Line(format!(
        "{} {} {}:",
        metadata.target(),
        metadata.level(),
        metadata.name()
    ));
    record(&mut line);
    keep(line);
}

fn keep(line: Line) {
    LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line.0);
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // To a String, which takes everything.
        let _ = write!(self.0, " {}={value:?}", field.name());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut next = Some(value);
        while let Some(error) = next {
            let _ = write!(self.0, " {}={error} {error:?}", field.name());
            next = error.source();
        }
    }
}
