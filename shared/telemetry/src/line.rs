//! How a line is written: what happened, then which call it belongs to.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::LogFormat;
use crate::call::Call;
use crate::names;

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let call = context.parent_span().as_ref().and_then(Call::around);
        if let Some(Call {
            request_id, trace_id, ..
        }) = call
        {
            fields.add(names::REQUEST_ID, request_id.into());
            if let Some(trace_id) = trace_id {
                fields.add(names::TRACE_ID, trace_id.into());
            }
        }
        match self {
            LogFormat::Human => write_human(writer, event, &fields),
            LogFormat::Json => write_json(writer, event, &fields),
        }
    }
}

fn write_human(mut writer: Writer<'_>, event: &Event<'_>, fields: &Fields) -> fmt::Result {
    let (level, target) = (event.metadata().level(), event.metadata().target());
    SystemTime.format_time(&mut writer)?;
    match writer.has_ansi_escapes() {
        true => write!(writer, " \u{1b}[{}m{level:>5}\u{1b}[0m {target}:", colour(*level))?,
        false => write!(writer, " {level:>5} {target}:")?,
    }
    if !fields.message.is_empty() {
        write!(writer, " {}", OnOneLine(&fields.message))?;
    }
    for (name, value) in &fields.others {
        match value {
            Value::String(text) if is_word(text) => write!(writer, " {name}={text}")?,
            Value::String(text) => write!(writer, " {name}={text:?}")?,
            value => write!(writer, " {name}={value}")?,
        }
    }
    writeln!(writer)
}

fn write_json(mut writer: Writer<'_>, event: &Event<'_>, fields: &Fields) -> fmt::Result {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    let head = [
        ("timestamp", time),
        ("level", event.metadata().level().to_string()),
        ("target", event.metadata().target().to_owned()),
        ("message", fields.message.clone()),
    ];
    let head = head.map(|(name, text)| (name, Value::from(text)));
    for (index, (name, value)) in head.iter().chain(&fields.others).enumerate() {
        let before = if index == 0 { '{' } else { ',' };
        write!(writer, "{before}{}:{value}", Value::from(*name))?;
    }
    writeln!(writer, "}}")
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 34,
    }
}

/// Whether a text needs no quotes for its end to be seen.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'='))
}

/// A text with its control characters escaped, so that nobody can forge a line or paint a terminal.
struct OnOneLine<'a>(&'a str);

impl fmt::Display for OnOneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|character| match character.is_control() {
                true => write!(f, "{}", character.escape_default()),
                false => write!(f, "{character}"),
            })
    }
}

/// The message of an event, and its other fields in order, each name once.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, name: &'static str, value: Value) {
        if !self.others.iter().any(|(known, _)| *known == name) {
            self.others.push((name, value));
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            name => self.add(name, format!("{value:?}").into()),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            name => self.add(name, value.into()),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field.name(), chain(value).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }
}

/// The error and its whole chain of sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
