use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A refusal, after what all refusals have in common was checked.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) message: String,
    pub(crate) request_id: String,
    pub(crate) details: ErrorDetails,
}

impl Refused {
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        let info = self.details.error_info()?;
        info.metadata.get(key).map(String::as_str)
    }
}

/// Checks that `status` has this code and reason, and what every refusal has: our domain, the reason at the head of the
/// message, and the request id, in the details as in the header.
#[track_caller]
pub(crate) fn refused(status: &Status, code: Code, reason: &str) -> Refused {
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.check_error_details().expect("details that can be decoded");
    let info = details.error_info().expect("an ErrorInfo");
    assert_eq!(
        (info.domain.as_str(), info.reason.as_str()),
        ("kith", reason),
        "{status:?}"
    );
    assert!(status.message().starts_with(&format!("{reason}: ")), "{status:?}");
    let request_id = details.request_info().expect("a RequestInfo").request_id.clone();
    assert_eq!(header(status), Some(request_id.as_str()), "{status:?}");
    Refused {
        message: status.message().to_owned(),
        request_id,
        details,
    }
}

fn header(status: &Status) -> Option<&str> {
    status.metadata().get("x-request-id")?.to_str().ok()
}
