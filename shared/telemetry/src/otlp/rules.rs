//! What each variable may say.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// A variable and what it may say.
pub(super) type Rule = (&'static str, fn(&str) -> Result<(), String>);

/// Variables that the SDK reads by itself, or would.
pub(super) type Rules = &'static [Rule];

/// Those that matter where traces are exported.
pub(super) const OF_TRACES: Rules = &[
    ("OTEL_TRACES_SAMPLER", sampler),
    ("OTEL_TRACES_SAMPLER_ARG", ratio),
    ("OTEL_BSP_SCHEDULE_DELAY", count),
    ("OTEL_BSP_MAX_QUEUE_SIZE", count),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", count),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", count),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", count),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", count),
];

/// Those that matter where metrics are.
pub(super) const OF_METRICS: Rules = &[
    ("OTEL_METRIC_EXPORT_INTERVAL", count),
    ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        aggregation,
    ),
];

/// Those that matter where either is.
pub(super) const OF_BOTH: Rules = &[("OTEL_RESOURCE_ATTRIBUTES", attributes)];

/// Those that other programs may need to say something else, where one set of variables is for all: no mistakes, but
/// worth a warning, where traces are exported.
pub(super) const TOLERATED_OF_TRACES: Rules = &[("OTEL_PROPAGATORS", propagators)];

/// The same where anything is.
pub(super) const TOLERATED_OF_BOTH: Rules = &[("OTEL_LOGS_EXPORTER", logs)];

/// By the specification every other word counts as false, and is worth a warning.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!(
            "must be true or false, and counts as false; says {text:?}"
        )),
    }
}

pub(super) fn one_of(text: &str, words: &[&str]) -> Result<String, String> {
    let word = text.to_ascii_lowercase();
    if words.contains(&word.as_str()) {
        Ok(word)
    } else {
        Err(format!("must be {}; says {text:?}", words.join(" or ")))
    }
}

pub(super) fn protocol(text: &str) -> Result<(), String> {
    match text {
        "grpc" => Ok(()),
        _ => Err(format!(
            "must be grpc, the one protocol of OTLP that Kith speaks; says {text:?}"
        )),
    }
}

pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    number(text, 1).map(Duration::from_millis)
}

/// Pairs of a name and a value, which is percent-encoded. They may be secret, so nothing of them is told.
pub(super) fn headers(text: &str) -> Result<(), String> {
    let is_header = |(name, value): (&str, &str)| {
        let value = percent_decode_str(value.trim()).decode_utf8().ok();
        let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
        HeaderName::from_str(name.trim()).is_ok() && value.is_some()
    };
    if pairs(text).all(|pair| pair.is_some_and(is_header)) {
        Ok(())
    } else {
        Err(
            "must be name=value pairs of headers with commas between; has a value that is not shown"
                .to_owned(),
        )
    }
}

fn attributes(text: &str) -> Result<(), String> {
    let is_named = |(name, _): (&str, &str)| !name.trim().is_empty();
    if pairs(text).all(|pair| pair.is_some_and(is_named)) {
        Ok(())
    } else {
        Err(format!(
            "must be name=value pairs with commas between; says {text:?}"
        ))
    }
}

fn pairs(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    text.split_terminator(',').map(|pair| pair.split_once('='))
}

fn count(text: &str) -> Result<(), String> {
    number(text, 1).map(drop)
}

fn number(text: &str, min: u64) -> Result<u64, String> {
    let max = u64::from(u32::MAX);
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}; says {text:?}"))
}

fn sampler(text: &str) -> Result<(), String> {
    const SAMPLERS: [&str; 6] = [
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ];
    match SAMPLERS.contains(&text) {
        true => Ok(()),
        false => Err(format!("must be {}; says {text:?}", SAMPLERS.join(" or "))),
    }
}

fn ratio(text: &str) -> Result<(), String> {
    let ratio = text
        .parse()
        .ok()
        .filter(|ratio: &f64| (0.0..=1.0).contains(ratio));
    ratio
        .map(drop)
        .ok_or_else(|| format!("must be a number from 0 to 1; says {text:?}"))
}

/// Baggage may stand there, as it does by default; nothing in Kith reads it, and it goes no further.
fn propagators(text: &str) -> Result<(), String> {
    match text
        .split(',')
        .all(|word| matches!(word.trim(), "tracecontext" | "baggage"))
    {
        true => Ok(()),
        false => Err(format!(
            "must be tracecontext, which is how Kith passes traces on whatever it says; says {text:?}"
        )),
    }
}

fn temporality(text: &str) -> Result<(), String> {
    one_of(text, &["cumulative", "delta", "lowmemory"]).map(drop)
}

fn aggregation(text: &str) -> Result<(), String> {
    one_of(text, &["explicit_bucket_histogram"]).map(drop)
}

fn logs(text: &str) -> Result<(), String> {
    match text {
        "none" => Ok(()),
        _ => Err(format!(
            "must be none: logs go to standard error alone; says {text:?}"
        )),
    }
}
