//! What a failed call tells its caller, without what differs from call to call.

use std::collections::HashMap;

use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Everything in an error but its request id, ready to be compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The status code.
    pub code: Code,
    /// The message.
    pub message: String,
    /// `ErrorInfo.reason`; empty when there is no `ErrorInfo`.
    pub reason: String,
    /// `ErrorInfo.metadata`.
    pub metadata: HashMap<String, String>,
    /// `BadRequest`: field and reason of each violation, in order.
    pub fields: Vec<(String, String)>,
    /// `ResourceInfo`: type and name.
    pub resource: Option<(String, String)>,
    /// Whether there is a `RetryInfo`.
    pub retry: bool,
}

impl Refusal {
    /// Reads the error of a call.
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let violations = details
            .bad_request()
            .map(|bad| bad.field_violations.as_slice())
            .unwrap_or_default();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            fields: violations
                .iter()
                .map(|violation| (violation.field.clone(), reason_of(status, &violation.field)))
                .collect(),
            resource: details
                .resource_info()
                .map(|info| (info.resource_type.clone(), info.resource_name.clone())),
            retry: details.retry_info().is_some(),
        }
    }

    /// Reads the error of one item of a batch.
    pub fn of_item(status: &tonic_types::pb::Status) -> Self {
        Self::of(&Status::with_details(
            Code::from_i32(status.code),
            status.message.clone(),
            status.encode_to_vec().into(),
        ))
    }

    /// Code, reason and fields, the most that a test mostly asks for.
    pub fn summary(&self) -> String {
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|(field, reason)| format!("{field} {reason}"))
            .collect();
        format!("{:?} {} [{}]", self.code, self.reason, fields.join(", "))
    }
}

/// The library's `FieldViolation` leaves out the reason that the wire has.
fn reason_of(status: &Status, field: &str) -> String {
    let decoded = tonic_types::pb::Status::decode(status.details()).unwrap_or_default();
    let bad_request = decoded
        .details
        .iter()
        .find(|detail| detail.type_url.ends_with("google.rpc.BadRequest"));
    let violations = bad_request
        .and_then(|detail| tonic_types::pb::BadRequest::decode(detail.value.as_slice()).ok())
        .unwrap_or_default()
        .field_violations;
    violations
        .into_iter()
        .find(|violation| violation.field == field)
        .map(|violation| violation.reason)
        .unwrap_or_default()
}
