//! Every name that a log line or a span may use.

/// `grpc`. Source: semantic conventions for RPC spans.
pub const RPC_SYSTEM_NAME: &str = "rpc.system.name";

/// The method as `package.Service/Method`, or [`OTHER`]. Source: semantic conventions for RPC spans.
pub const RPC_METHOD: &str = "rpc.method";

/// The status code by name, for example `NOT_FOUND`. Source: semantic conventions for RPC spans, where it was called
/// `rpc.response.status_code` up to release 1.44; this constant is the one place that knows its name.
pub const RPC_STATUS_CODE: &str = "rpc.status_code";

/// What stands for a method that the server does not have, so that callers cannot make names without end. Source:
/// semantic conventions for RPC spans.
pub const OTHER: &str = "_OTHER";

/// Why it failed, in few words of which there are few; absent on success and where the caller is at fault. Source:
/// semantic conventions on recording errors.
pub const ERROR_TYPE: &str = "error.type";

/// The host that a client was told to call, or the database's. Source: semantic conventions for RPC and database spans.
pub const SERVER_ADDRESS: &str = "server.address";

/// Its port.
pub const SERVER_PORT: &str = "server.port";

/// The address of the one server that a call went to. Source: semantic conventions for RPC spans.
pub const NETWORK_PEER_ADDRESS: &str = "network.peer.address";

/// Its port.
pub const NETWORK_PEER_PORT: &str = "network.peer.port";

/// In how many attempts a call was made, where there was more than one.
pub const ATTEMPTS: &str = "kith.attempts";

/// `postgresql`. Source: semantic conventions for database spans.
pub const DB_SYSTEM_NAME: &str = "db.system.name";

/// The name of the query, for example `follow_create`. Source: semantic conventions for database spans.
pub const DB_QUERY_SUMMARY: &str = "db.query.summary";

/// The name of the service that exports. Source: semantic conventions for resources, as the next two.
pub const SERVICE_NAME: &str = "service.name";

/// Its version.
pub const SERVICE_VERSION: &str = "service.version";

/// Another one for each process.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";

/// The name of the database. Source: semantic conventions for PostgreSQL; the schema is left out, since nothing says it
/// without another question to the server.
pub const DB_NAMESPACE: &str = "db.namespace";

/// The name that a span is exported under. Source: the special fields of `tracing-opentelemetry`, as the next two.
pub const OTEL_NAME: &str = "otel.name";

/// `server` or `client`.
pub const OTEL_KIND: &str = "otel.kind";

/// `ERROR` when the failure is ours.
pub const OTEL_STATUS_CODE: &str = "otel.status_code";

/// The id of the call, as in its answer and in the details of its error.
pub const REQUEST_ID: &str = "kith.request_id";

/// The user who acts, as proven by its token; absent when nobody does. Source: semantic conventions for users.
pub const USER_ID: &str = "user.id";

/// The service account that calls by itself or passes on a user's call, as proven by its token.
pub const SERVICE_ID: &str = "kith.service_id";

/// The id of the caller's trace, 32 hexadecimal digits. Source: OpenTelemetry's conventions for trace context in logs.
pub const TRACE_ID: &str = "trace_id";

/// Why a call failed, as the contract's `ErrorReason`.
pub const ERROR_REASON: &str = "kith.error.reason";

/// What lies behind a failure: for us, not for the caller.
pub const ERROR_CAUSE: &str = "kith.error.cause";

/// How long it took, in milliseconds.
pub const DURATION_MS: &str = "duration_ms";

/// The target of call spans, for the log filter.
pub const RPC_TARGET: &str = "kith::rpc";

/// The target of the spans of health checks, which no exporter gets: there is one every few seconds, and none tells
/// anything.
pub const HEALTH_TARGET: &str = "kith::rpc::health";

/// The target of spans of calls to others, for the log filter.
pub const CLIENT_TARGET: &str = "kith::client";

/// The target of the access log, for the log filter.
pub const ACCESS_TARGET: &str = "kith::access";

/// The target of query spans and of the line at the end of each query, for the log filter.
pub const QUERY_TARGET: &str = "kith::query";

/// The target of spans that wait for a connection, for the log filter.
pub const POOL_TARGET: &str = "kith::pool";

/// The beginning of all these targets, and of nothing else.
pub(crate) const TARGET_PREFIX: &str = "kith::";

/// How long a call took that the service answered, in seconds. Source: semantic conventions for RPC metrics.
pub const RPC_SERVER_CALL_DURATION: &str = "rpc.server.call.duration";

/// Connections of a pool, by state. Source: semantic conventions for database metrics, as the next ones.
pub const DB_CONNECTION_COUNT: &str = "db.client.connection.count";

/// The most connections of a pool.
pub const DB_CONNECTION_MAX: &str = "db.client.connection.max";

/// What waits for a connection.
pub const DB_CONNECTION_PENDING_REQUESTS: &str = "db.client.connection.pending_requests";

/// How often nobody got a connection in time.
pub const DB_CONNECTION_TIMEOUTS: &str = "db.client.connection.timeouts";

/// How long a connection was waited for, in seconds.
pub const DB_CONNECTION_WAIT_TIME: &str = "db.client.connection.wait_time";

/// How long a statement took, in seconds.
pub const DB_OPERATION_DURATION: &str = "db.client.operation.duration";

/// Whose pool it is: the short name of a service.
pub const DB_CONNECTION_POOL_NAME: &str = "db.client.connection.pool.name";

/// `idle` or `used`.
pub const DB_CONNECTION_STATE: &str = "db.client.connection.state";
