//! The one conversion of a failure to a gRPC status.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use kith_primitives::{Failure, Kind, Reason, RequestId, excerpt};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::pb;

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "kith";

/// Text of every unexpected error: what went wrong stands in the log, under the request id.
const INTERNAL_TEXT: &str = "internal error; the request id leads to its cause in the server's log";

/// A failure on its way to the layer that explains it.
///
/// The status carries it as its source, because only the outermost layers know the request id, and
/// because the cause must reach the access log.
struct Carried(Arc<Failure>);

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.reason().slug())
    }
}

impl Error for Carried {}

/// Wraps a failure for the way through tonic. The layer `explain` makes the final status of it.
pub fn carry(failure: Failure) -> Status {
    let mut status = Status::new(code(failure.kind()), failure.reason().slug());
    status.set_source(Arc::new(Carried(Arc::new(failure))));
    status
}

/// The failure that a status carries, if it came from [`carry`] or [`explain`].
pub(crate) fn carried(status: &Status) -> Option<&Arc<Failure>> {
    status
        .source()?
        .downcast_ref::<Carried>()
        .map(|carried| &carried.0)
}

/// The final status of a failed call, with all its details. It still carries the failure, for the access log.
///
/// A status that is no failure of ours keeps its code and message: a caller's own cancellation, and what health and
/// reflection have to say.
pub(crate) fn explain(status: &Status, path: &str, request_id: &RequestId) -> Status {
    let failure = carried(status).cloned();
    let Some(failure) = failure.or_else(|| failure_of_tonic(status, path).map(Arc::new)) else {
        return with_request_info(
            pb::Status {
                code: status.code() as i32,
                message: status.message().to_owned(),
                details: Vec::new(),
            },
            request_id,
        );
    };
    let mut explained = final_status(&failure, request_id);
    explained.set_source(Arc::new(Carried(failure)));
    explained
}

/// What a caller gets for `failure`.
pub fn final_status(failure: &Failure, request_id: &RequestId) -> Status {
    with_request_info(to_rpc_status(failure), request_id)
}

fn with_request_info(mut status: pb::Status, request_id: &RequestId) -> Status {
    let request_info = pb::RequestInfo {
        request_id: request_id.to_string(),
        serving_data: String::new(),
    };
    status.details.push(any("RequestInfo", &request_info));
    let encoded = status.encode_to_vec();
    Status::with_details(Code::from_i32(status.code), status.message, encoded.into())
}

/// The outcome of one item of a batch: the status that the call for it alone would give, without request id.
pub fn to_rpc_status(failure: &Failure) -> pb::Status {
    pb::Status {
        code: code(failure.kind()) as i32,
        message: message(failure),
        details: details(failure),
    }
}

/// The code of a kind.
pub const fn code(kind: Kind) -> Code {
    match kind {
        Kind::InvalidArgument => Code::InvalidArgument,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::PermissionDenied => Code::PermissionDenied,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::FailedPrecondition => Code::FailedPrecondition,
        Kind::Aborted => Code::Aborted,
        Kind::ResourceExhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::Unimplemented => Code::Unimplemented,
        Kind::Internal => Code::Internal,
    }
}

/// The slug stands in the message, so that a person at a terminal sees it without decoding details.
fn message(failure: &Failure) -> String {
    let text = if failure.reason() == Reason::Internal {
        INTERNAL_TEXT
    } else {
        failure.message()
    };
    format!("{}: {text}", failure.reason().slug())
}

/// Of a defect nothing but its reason: whatever else was put into the failure was not written for callers.
fn details(failure: &Failure) -> Vec<prost_types::Any> {
    let mut details = vec![any("ErrorInfo", &error_info(failure))];
    if failure.reason() == Reason::Internal {
        return details;
    }
    if !failure.violations().is_empty() {
        details.push(any("BadRequest", &bad_request(failure)));
    }
    if failure.kind() == Kind::FailedPrecondition {
        details.push(any("PreconditionFailure", &precondition_failure(failure)));
    }
    if failure.reason() == Reason::Throttled {
        details.push(any("QuotaFailure", &quota_failure(failure)));
    }
    if let Some(resource) = failure.resource() {
        let info = pb::ResourceInfo {
            resource_type: resource.kind.to_owned(),
            resource_name: resource.name.clone(),
            owner: String::new(),
            description: failure.message().to_owned(),
        };
        details.push(any("ResourceInfo", &info));
    }
    if let Some(quota) = failure.quota() {
        let violation = pb::quota_failure::Violation {
            subject: quota.subject.clone(),
            description: quota.description.clone(),
            ..Default::default()
        };
        let violations = vec![violation];
        details.push(any("QuotaFailure", &pb::QuotaFailure { violations }));
    }
    if let Some(delay) = failure.retry_after() {
        let info = pb::RetryInfo {
            retry_delay: prost_types::Duration::try_from(delay).ok(),
        };
        details.push(any("RetryInfo", &info));
    }
    details
}

fn error_info(failure: &Failure) -> pb::ErrorInfo {
    let metadata = failure
        .metadata()
        .iter()
        .filter(|_| failure.reason() != Reason::Internal)
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    pb::ErrorInfo {
        reason: failure.reason().slug().to_owned(),
        domain: DOMAIN.to_owned(),
        metadata: metadata.collect(),
    }
}

fn bad_request(failure: &Failure) -> pb::BadRequest {
    let violations = failure
        .violations()
        .iter()
        .filter(|violation| violation.reason != Reason::Internal)
        .map(|violation| pb::bad_request::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
            reason: violation.reason.slug().to_owned(),
            localized_message: None,
        });
    pb::BadRequest {
        field_violations: violations.collect(),
    }
}

fn precondition_failure(failure: &Failure) -> pb::PreconditionFailure {
    let violation = pb::precondition_failure::Violation {
        r#type: failure.reason().slug().to_owned(),
        subject: failure
            .resource()
            .map(|resource| resource.name.clone())
            .unwrap_or_default(),
        description: failure.message().to_owned(),
    };
    pb::PreconditionFailure {
        violations: vec![violation],
    }
}

/// The subject is whose attempts were too many.
fn quota_failure(failure: &Failure) -> pb::QuotaFailure {
    let violation = pb::quota_failure::Violation {
        subject: failure.metadata().get("limit").cloned().unwrap_or_default(),
        description: failure.message().to_owned(),
        ..Default::default()
    };
    pb::QuotaFailure {
        violations: vec![violation],
    }
}

fn any(name: &str, detail: &impl Message) -> prost_types::Any {
    prost_types::Any {
        type_url: format!("type.googleapis.com/google.rpc.{name}"),
        value: detail.encode_to_vec(),
    }
}

/// The failure behind a status that tonic made by itself, before or beside any handler; `None` when it is none.
fn failure_of_tonic(status: &Status, path: &str) -> Option<Failure> {
    let failure = match status.code() {
        Code::Cancelled => return None,
        Code::OutOfRange => Failure::new(Reason::MessageTooLarge, "the message is too large"),
        Code::Unimplemented if status.message().is_empty() => method_unknown(path),
        // The message names the one that was used, in the caller's words.
        Code::Unimplemented => Failure::new(Reason::CompressionUnsupported, excerpt(status.message())),
        // The gRPC specification gives INTERNAL to a message that cannot be decoded; its reason tells it from ours.
        Code::Internal | Code::InvalidArgument if is_undecodable(status) => Failure::new(
            Reason::MessageUndecodable,
            "the request is not a message of this method's type",
        ),
        // Health knows the services it is asked for, or does not; reflection likewise.
        Code::NotFound | Code::InvalidArgument if path.starts_with("/grpc.") => return None,
        code => Failure::internal(format!("tonic answered {code:?}: {}", status.message())),
    };
    Some(failure)
}

/// The failure of a call to a method that is not served here.
pub(crate) fn method_unknown(path: &str) -> Failure {
    Failure::new(Reason::MethodUnknown, "there is no such method here").with_metadata("method", excerpt(path))
}

fn is_undecodable(status: &Status) -> bool {
    let text = status.message();
    [
        "decode",
        "Missing request message",
        "compress",
        "flag",
        "Unexpected EOF",
    ]
    .iter()
    .any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use kith_contracts::errors::v1::ErrorReason;
    use kith_primitives::{Invalid, Violations};
    use tonic_types::StatusExt;

    use super::*;

    #[test]
    fn reasons_and_their_numbers_are_those_of_the_contract() {
        let ours: Vec<String> = Reason::ALL
            .iter()
            .map(|reason| format!("ERROR_REASON_{}", reason.slug()))
            .collect();
        let contract: Vec<&str> = (1..)
            .map_while(|number| ErrorReason::try_from(number).ok())
            .map(|reason| reason.as_str_name())
            .collect();
        assert_eq!(ours, contract);
    }

    #[test]
    fn the_contract_names_the_status_code_of_each_reason() {
        let contract = include_str!("../../../proto/kith/errors/v1/errors.proto");
        let named: BTreeSet<String> = Reason::ALL
            .iter()
            .map(|reason| {
                format!(
                    "// ERROR_REASON_{} ({}):",
                    reason.slug(),
                    screaming(code(reason.kind()))
                )
            })
            .filter(|line| !contract.contains(line))
            .collect();
        assert_eq!(named, BTreeSet::new(), "missing in the contract");
    }

    fn screaming(code: Code) -> String {
        let mut name = String::new();
        for letter in format!("{code:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn an_unexpected_cause_never_reaches_the_caller() {
        let status = final_status(&Failure::internal("password=hunter2"), &RequestId::random());
        let bytes = [status.message().as_bytes(), status.details()].concat();
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
        assert_eq!(status.code(), Code::Internal);
    }

    #[test]
    fn of_a_defect_nothing_but_the_reason_is_told() {
        let mut violations = Violations::new();
        let mut defect = Invalid::new(Reason::Internal, "hunter2");
        defect.constraint = Some("hunter2");
        violations.add("hunter2", defect.clone());
        let failure = violations
            .into_failure()
            .with_resource("hunter2", "hunter2")
            .with_retry_after(Duration::from_secs(1));
        let status = to_rpc_status(&failure);
        assert_eq!(status.details.len(), 1);
        assert!(!String::from_utf8_lossy(&status.encode_to_vec()).contains("hunter2"));

        let mut violations = Violations::new();
        violations.add("id", Invalid::new(Reason::IdInvalid, "must be greater than 0"));
        violations.add("hunter2", defect);
        let status = to_rpc_status(&violations.into_failure());
        assert!(!String::from_utf8_lossy(&status.encode_to_vec()).contains("hunter2"));
    }

    #[test]
    fn details_name_reason_domain_and_request() {
        let id = RequestId::random();
        let failure =
            Failure::new(Reason::UserNotFound, "there is no such user").with_resource("t", "users/1");
        let status = final_status(&failure, &id);
        let details = status.get_error_details();
        let info = details.error_info().expect("ErrorInfo");
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("USER_NOT_FOUND", "kith")
        );
        assert_eq!(
            details.request_info().map(|info| info.request_id.as_str()),
            Some(id.as_str())
        );
        assert_eq!(
            details.resource_info().map(|info| info.resource_name.as_str()),
            Some("users/1")
        );
        assert_eq!(status.message(), "USER_NOT_FOUND: there is no such user");
    }

    #[test]
    fn a_limit_that_was_reached_says_whose_it_is_and_how_much() {
        let failure =
            Failure::new(Reason::FriendRequestsExhausted, "too many").with_quota("users/1", "500 at most");
        let status = final_status(&failure, &RequestId::random());
        let details = status.get_error_details();
        let violations = &details.quota_failure().expect("QuotaFailure").violations;
        assert_eq!(violations.len(), 1);
        assert_eq!(
            (violations[0].subject.as_str(), violations[0].description.as_str()),
            ("users/1", "500 at most")
        );
    }
}
