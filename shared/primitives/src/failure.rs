//! The one error that crosses layers.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use crate::{Kind, Reason, Violation};

/// The resource that a failure is about, as `google.rpc.ResourceInfo` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The full name of the protobuf message, for example `kith.identity.v1.User`.
    pub kind: &'static str,
    /// Which one, for example `users/42`; empty when several ids of the request could be meant.
    pub name: String,
}

/// A limit that was reached, as `google.rpc.QuotaFailure` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Whose limit, for example `users/42`.
    pub subject: String,
    /// The limit as a sentence.
    pub description: String,
}

/// A failed call: what the caller may know, and apart from it the cause, for the log alone.
///
/// There is deliberately no `Display`: the only way to a caller is the one conversion in `kith-rpc`,
/// and the only way to a log is the access log, which prints [`Failure::cause`].
#[derive(Debug)]
pub struct Failure(Box<Parts>);

#[derive(Debug)]
struct Parts {
    reason: Reason,
    message: String,
    metadata: BTreeMap<&'static str, String>,
    violations: Vec<Violation>,
    resource: Option<Resource>,
    quota: Option<Quota>,
    retry_after: Option<Duration>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure of `reason`, with a sentence for a person: lower case, without full stop.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            resource: None,
            quota: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// A request that broke at least one rule. Reason and metadata are those of the first violation.
    pub(crate) fn invalid(violations: Vec<Violation>) -> Self {
        let first = violations.first();
        let mut failure = Self::new(
            first.map_or(Reason::Internal, |violation| violation.reason),
            first.map_or_else(String::new, message_of),
        );
        failure.0.metadata = first.map_or_else(BTreeMap::new, Violation::metadata);
        failure.0.violations = violations;
        failure
    }

    /// A defect. `cause` is logged; the caller gets a fixed text.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(Reason::Internal, "internal error").with_cause(cause)
    }

    /// Adds what the log must know and the caller must not.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds a pair of `ErrorInfo.metadata`; the contract documents the keys of each reason.
    #[must_use]
    pub fn with_metadata(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key, value.into());
        self
    }

    /// Says which resource it is about.
    #[must_use]
    pub fn with_resource(mut self, kind: &'static str, name: impl Into<String>) -> Self {
        self.0.resource = Some(Resource {
            kind,
            name: name.into(),
        });
        self
    }

    /// Says which limit was reached.
    #[must_use]
    pub fn with_quota(mut self, subject: impl Into<String>, description: impl Into<String>) -> Self {
        self.0.quota = Some(Quota {
            subject: subject.into(),
            description: description.into(),
        });
        self
    }

    /// Tells the caller when trying again makes sense.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Puts `prefix` before each field path, for an item of a batch: `username` becomes `users[3].username`. The empty path,
    /// of an item that is no message, becomes the prefix.
    #[must_use]
    pub fn within(mut self, prefix: &str) -> Self {
        for violation in &mut self.0.violations {
            violation.field = match violation.field.as_str() {
                "" => prefix.to_owned(),
                field => format!("{prefix}.{field}"),
            };
        }
        if let Some(first) = self.0.violations.first() {
            self.0.message = message_of(first);
        }
        self
    }

    /// Why it failed.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> Kind {
        self.0.reason.kind()
    }

    /// The sentence for a person, without the reason's slug.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The metadata of the reason.
    pub fn metadata(&self) -> &BTreeMap<&'static str, String> {
        &self.0.metadata
    }

    /// Every rule that the request broke, in field order.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// The resource it is about, if one.
    pub fn resource(&self) -> Option<&Resource> {
        self.0.resource.as_ref()
    }

    /// The limit that was reached, if one was.
    pub fn quota(&self) -> Option<&Quota> {
        self.0.quota.as_ref()
    }

    /// When trying again makes sense, if it does.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The cause, for the log.
    pub fn cause(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.0.cause.as_deref()
    }
}

fn message_of(violation: &Violation) -> String {
    format!("{}: {}", violation.field, violation.description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Invalid, Violations};

    #[test]
    fn an_item_of_a_batch_names_its_place() {
        let mut violations = Violations::new();
        violations.add(
            "username",
            Invalid::new(Reason::FieldRequired, "must not be empty"),
        );
        let failure = violations.into_failure().within("users[3]");
        assert_eq!(failure.violations()[0].field, "users[3].username");
        assert_eq!(failure.message(), "users[3].username: must not be empty");
    }

    #[test]
    fn an_item_that_is_no_message_is_its_place() {
        let failure = Violations::only::<(), _>("", Err(Invalid::new(Reason::IdInvalid, "must be good")));
        let failure = failure.expect_err("a violation").within("ids[3]");
        assert_eq!(failure.violations()[0].field, "ids[3]");
        assert_eq!(failure.message(), "ids[3]: must be good");
    }
}
