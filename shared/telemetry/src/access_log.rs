//! One line for each call.

use std::time::Duration;

use tracing::{Span, debug, error, info, warn};

use crate::names;
use crate::spans::millis;

/// How a call ended.
#[derive(Clone, Debug)]
pub struct RpcFinished<'a> {
    /// `package.Service/Method`, or [`names::OTHER`].
    pub method: &'a str,
    /// The id of the call.
    pub request_id: &'a str,
    /// The user who acts, if the call came so far that one is known.
    pub user_id: Option<i64>,
    /// The service that calls, by itself or for that user.
    pub service_id: Option<i64>,
    /// The gRPC status code, 0 to 16.
    pub code: i32,
    /// The `ErrorReason`; empty when there is none.
    pub reason: &'a str,
    /// From the first byte of the request to the answer.
    pub duration: Duration,
    /// What lies behind a failure, with the whole chain; empty when nothing does.
    pub cause: String,
}

/// Ends the current span, which is the call's, and writes its line in the access log.
///
/// The line has level error for a defect of ours, warn where the server failed in another way, debug for
/// health checks, and else info, whatever the caller did wrong: nobody can fill the log of errors from outside.
pub fn rpc_finished(call: &RpcFinished<'_>) {
    let (code, fault) = outcome(call.code, call.reason);
    let span = Span::current();
    span.record(names::RPC_STATUS_CODE, code);
    if fault != Fault::Callers {
        span.record(names::ERROR_TYPE, code);
        span.record(names::OTEL_STATUS_CODE, "ERROR");
    }
    macro_rules! line {
        ($level:ident) => {
            $level!(
                target: names::ACCESS_TARGET,
                {
                    { names::RPC_METHOD } = call.method,
                    { names::RPC_STATUS_CODE } = code,
                    { names::DURATION_MS } = millis(call.duration),
                    { names::REQUEST_ID } = call.request_id,
                    { names::USER_ID } = call.user_id,
                    { names::SERVICE_ID } = call.service_id,
                    { names::ERROR_REASON } = given(call.reason),
                    { names::ERROR_CAUSE } = given(&call.cause),
                },
                "call finished",
            )
        };
    }
    match fault {
        _ if is_health_check(call.method) => line!(debug),
        Fault::Callers => line!(info),
        Fault::Servers => line!(warn),
        Fault::Defect => line!(error),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nobody's, or the caller's.
    Callers,
    /// The server could not, for now.
    Servers,
    /// A bug.
    Defect,
}

/// Whether a method asks for health, which balancers do every few seconds.
pub(crate) fn is_health_check(method: &str) -> bool {
    method.starts_with("grpc.health.v1.Health/")
}

/// The name of a status code.
pub(crate) fn status_name(code: i32) -> &'static str {
    outcome(code, "").0
}

/// The name of a status code, and who is to blame for it: semantic conventions for gRPC, unless the reason knows better.
pub(crate) fn outcome(code: i32, reason: &str) -> (&'static str, Fault) {
    match code {
        // gRPC itself gives INTERNAL to a request that is no message.
        13 if reason == "MESSAGE_UNDECODABLE" => ("INTERNAL", Fault::Callers),
        8 if matches!(reason, "SERVER_OVERLOADED" | "DATABASE_LOCKS_EXHAUSTED") => {
            ("RESOURCE_EXHAUSTED", Fault::Servers)
        }
        0 => ("OK", Fault::Callers),
        1 => ("CANCELLED", Fault::Callers),
        3 => ("INVALID_ARGUMENT", Fault::Callers),
        4 => ("DEADLINE_EXCEEDED", Fault::Servers),
        5 => ("NOT_FOUND", Fault::Callers),
        6 => ("ALREADY_EXISTS", Fault::Callers),
        7 => ("PERMISSION_DENIED", Fault::Callers),
        8 => ("RESOURCE_EXHAUSTED", Fault::Callers),
        9 => ("FAILED_PRECONDITION", Fault::Callers),
        10 => ("ABORTED", Fault::Callers),
        11 => ("OUT_OF_RANGE", Fault::Callers),
        12 => ("UNIMPLEMENTED", Fault::Servers),
        13 => ("INTERNAL", Fault::Defect),
        14 => ("UNAVAILABLE", Fault::Servers),
        15 => ("DATA_LOSS", Fault::Defect),
        16 => ("UNAUTHENTICATED", Fault::Callers),
        _ => ("UNKNOWN", Fault::Defect),
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
