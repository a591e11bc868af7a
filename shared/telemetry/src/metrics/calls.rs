//! The calls that a service answers, under the names that gRPC's own Prometheus libraries have.

use std::array;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::metrics::Meter;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use super::{add, fixed};
use crate::access_log::{Fault, outcome};
use crate::names;

/// How many gRPC status codes there are.
const CODES: usize = 17;
/// CANCELLED.
const CANCELLED: usize = 1;
/// UNKNOWN.
const UNKNOWN: usize = 2;
/// Their names, as gRPC's libraries for Prometheus have them.
const CODE_NAMES: [&str; CODES] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];
/// Seconds. What Kith does is a matter of a few milliseconds; nobody waits longer than a minute.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Who sends a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallType {
    /// Nobody.
    Unary,
    /// The caller.
    ClientStream,
    /// The server.
    ServerStream,
    /// Both.
    BidiStream,
}

impl CallType {
    /// Of a method, by who sends a stream.
    pub fn of(client_streams: bool, server_streams: bool) -> Self {
        match (client_streams, server_streams) {
            (false, false) => Self::Unary,
            (true, false) => Self::ClientStream,
            (false, true) => Self::ServerStream,
            (true, true) => Self::BidiStream,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Unary => "unary",
            Self::ClientStream => "client_stream",
            Self::ServerStream => "server_stream",
            Self::BidiStream => "bidi_stream",
        }
    }
}

/// The families of all methods.
#[derive(Clone)]
pub(super) struct Calls {
    started: IntCounterVec,
    handled: IntCounterVec,
    seconds: HistogramVec,
    undecodable: IntCounterVec,
    duration: opentelemetry::metrics::Histogram<f64>,
}

impl Calls {
    pub(super) fn new(registry: &Registry, meter: &Meter) -> Self {
        let labels = ["grpc_type", "grpc_service", "grpc_method"];
        let with_code = ["grpc_type", "grpc_service", "grpc_method", "grpc_code"];
        let counter = |name: &str, help: &str, labels: &[&str]| {
            add(registry, fixed(IntCounterVec::new(Opts::new(name, help), labels)))
        };
        let seconds = HistogramOpts::new(
            "grpc_server_handling_seconds",
            "How long calls took until they were answered, in seconds.",
        );
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS.to_vec()), &labels);
        Self {
            started: counter("grpc_server_started_total", "Calls that have begun.", &labels),
            handled: counter(
                "grpc_server_handled_total",
                "Calls that have ended, with or without their caller.",
                &with_code,
            ),
            seconds: add(registry, fixed(seconds)),
            undecodable: counter(
                "kith_undecodable_messages_total",
                "Requests that were no message. gRPC has such calls end as Internal, like defects of ours.",
                &labels[1..],
            ),
            duration: meter
                .f64_histogram(names::RPC_SERVER_CALL_DURATION)
                .with_unit("s")
                .with_description("Measures the duration of an incoming Remote Procedure Call (RPC).")
                .with_boundaries(BUCKETS.to_vec())
                .build(),
        }
    }

    pub(super) fn method(&self, call_type: CallType, service: &str, method: &str) -> MethodMetrics {
        let labels = [call_type.label(), service, method];
        let metrics = MethodMetrics(Arc::new(Inner {
            labels: labels.map(str::to_owned),
            started: self.started.with_label_values(&labels),
            undecodable: self.undecodable.with_label_values(&labels[1..]),
            seconds: OnceLock::new(),
            outcomes: array::from_fn(|_| OnceLock::new()),
            families: self.clone(),
        }));
        // The first of them is seen as an increase only if there was a 0 before.
        for code in 0..CODES {
            if code == 0 || outcome(number(code), "").1 != Fault::Callers {
                metrics.0.outcome(code);
            }
        }
        metrics
    }
}

/// What is counted of one method. Clones share it.
#[derive(Clone)]
pub struct MethodMetrics(Arc<Inner>);

struct Inner {
    labels: [String; 3],
    started: IntCounter,
    undecodable: IntCounter,
    seconds: OnceLock<Histogram>,
    /// By status code.
    outcomes: [OnceLock<Outcome>; CODES],
    families: Calls,
}

struct Outcome {
    handled: IntCounter,
    attributes: Vec<KeyValue>,
}

impl Inner {
    fn labels(&self) -> [&str; 3] {
        self.labels.each_ref().map(String::as_str)
    }

    fn outcome(&self, code: usize) -> &Outcome {
        self.outcomes[code].get_or_init(|| {
            let [call_type, service, method] = self.labels();
            let labels = [call_type, service, method, CODE_NAMES[code]];
            let name = match service == names::OTHER {
                true => names::OTHER.to_owned(),
                false => format!("{service}/{method}"),
            };
            let (status, fault) = outcome(number(code), "");
            let mut attributes = vec![
                KeyValue::new(names::RPC_SYSTEM_NAME, "grpc"),
                KeyValue::new(names::RPC_METHOD, name),
                KeyValue::new(names::RPC_STATUS_CODE, status),
            ];
            if fault != Fault::Callers {
                attributes.push(KeyValue::new(names::ERROR_TYPE, status));
            }
            Outcome {
                handled: self.families.handled.with_label_values(&labels),
                attributes,
            }
        })
    }

    fn seconds(&self) -> &Histogram {
        self.seconds
            .get_or_init(|| self.families.seconds.with_label_values(&self.labels()))
    }

    fn handled(&self, code: usize, duration: Duration) {
        let (outcome, seconds) = (self.outcome(code), duration.as_secs_f64());
        outcome.handled.inc();
        self.seconds().observe(seconds);
        self.families.duration.record(seconds, &outcome.attributes);
    }
}

impl MethodMetrics {
    /// A call begins.
    pub fn begin(&self) -> RunningCall {
        self.0.started.inc();
        RunningCall {
            method: self.clone(),
            started: Instant::now(),
            code: CANCELLED,
        }
    }
}

impl fmt::Debug for MethodMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodMetrics").field(&self.0.labels).finish()
    }
}

/// A call under way. It counts as handled when this is dropped: as cancelled, unless it was answered.
#[derive(Debug)]
pub struct RunningCall {
    method: MethodMetrics,
    started: Instant,
    code: usize,
}

impl RunningCall {
    /// Its request was no message.
    pub fn undecodable(&self) {
        self.method.0.undecodable.inc();
    }

    /// The call has this answer, a gRPC status code.
    pub fn answered(&mut self, code: i32) {
        let code = usize::try_from(code).ok().filter(|code| *code < CODES);
        self.code = code.unwrap_or(UNKNOWN);
    }
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.method.0.handled(self.code, self.started.elapsed());
    }
}

/// The number of a code, of which there are 17.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
fn number(code: usize) -> i32 {
    code as i32
}
