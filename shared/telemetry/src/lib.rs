//! Logs, spans, trace context and metrics, and the only place where their names live.
//!
//! The names are those of the [OpenTelemetry semantic conventions]; what these do not name begins with `kith.`.
//!
//! [OpenTelemetry semantic conventions]: https://opentelemetry.io/docs/specs/semconv/
#![warn(missing_docs)]

mod access_log;
mod call;
mod line;
mod logs;
mod metrics;
pub mod names;
mod otlp;
mod settings;
mod spans;
mod trace_context;

pub use access_log::{RpcFinished, rpc_finished};
pub use logs::{init, subscriber};
pub use metrics::{
    CallType, DatabaseMetrics, Limit, METRICS_CONTENT_TYPE, MethodMetrics, Metrics, OpenConnection,
    PoolReading, RunningCall,
};
pub use otlp::{Exporters, OtlpSettings};
pub use settings::{LogFormat, LogSettings};
pub use spans::{
    DatabaseServer, client_finished, client_span, pool_failed, pool_span, query_finished, query_span,
    rpc_span,
};
pub use trace_context::{TraceContext, extract, inject, set_parent};
