//! What callers are told of a failure, and what the log is.

use std::time::Duration;

use kith_contracts::social_graph::v1::GetFollowRequest;
use kith_primitives::{Failure, Invalid, Reason, Violations};
use tonic::{Code, Status};

use crate::harness::{Plan, TestServer, access_line, refused, with};

async fn failing(request_id: &str, failure: fn() -> Failure) -> Status {
    let server = TestServer::start().await;
    server.graph.plan(Plan::Fail(failure));
    let request = with(
        server.by_user(GetFollowRequest::default()),
        "x-request-id",
        request_id,
    );
    server
        .connect()
        .await
        .graph()
        .get_follow(request)
        .await
        .expect_err("planned")
}

#[tokio::test]
async fn several_violations_come_together_and_the_first_gives_the_reason() {
    let status = failing("violations", || {
        let mut violations = Violations::new();
        let mut short = Invalid::new(Reason::FieldTooShort, "must have at least 8 characters");
        short.constraint = Some("a_constraint");
        violations.add("password", short);
        violations.add(
            "users[3].username",
            Invalid::new(Reason::FieldRequired, "must not be empty"),
        );
        violations.into_failure()
    })
    .await;
    let refused = refused(&status, Code::InvalidArgument, "FIELD_TOO_SHORT");
    assert_eq!(refused.metadata("constraint"), Some("a_constraint"));
    let violations = &refused
        .details
        .bad_request()
        .expect("BadRequest")
        .field_violations;
    let violations: Vec<_> = violations
        .iter()
        .map(|v| (v.field.as_str(), v.reason.as_str()))
        .collect();
    assert_eq!(
        violations,
        [
            ("password", "FIELD_TOO_SHORT"),
            ("users[3].username", "FIELD_REQUIRED")
        ]
    );
}

#[tokio::test]
async fn a_precondition_names_the_resource() {
    let status = failing("precondition", || {
        let failure = Failure::new(Reason::UserInactive, "the user is deactivated");
        failure.with_resource("kith.identity.v1.User", "users/9")
    })
    .await;
    let details = refused(&status, Code::FailedPrecondition, "USER_INACTIVE").details;
    let precondition = &details
        .precondition_failure()
        .expect("PreconditionFailure")
        .violations[0];
    assert_eq!(
        (precondition.r#type.as_str(), precondition.subject.as_str()),
        ("USER_INACTIVE", "users/9")
    );
    let resource = details.resource_info().expect("ResourceInfo");
    assert_eq!(
        (resource.resource_type.as_str(), resource.resource_name.as_str()),
        ("kith.identity.v1.User", "users/9")
    );
}

#[tokio::test]
async fn a_failure_that_passes_says_when_to_try_again() {
    let status = failing("retry", || {
        let failure = Failure::new(Reason::DatabaseUnavailable, "the database does not answer");
        failure.with_retry_after(Duration::from_millis(1500))
    })
    .await;
    let details = refused(&status, Code::Unavailable, "DATABASE_UNAVAILABLE").details;
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_millis(1500)));
}

#[derive(Debug, thiserror::Error)]
#[error("the query follow_find failed")]
struct Outer(#[source] std::io::Error);

// Control: `chain` without its loop; the log had the first half only.
#[tokio::test]
async fn the_cause_goes_to_the_log_whole_and_to_the_caller_not_at_all() {
    let status = failing("cause", || {
        Failure::internal(Outer(std::io::Error::other("password=hunter2")))
    })
    .await;
    let refused = refused(&status, Code::Internal, "INTERNAL");
    assert_eq!(
        refused.message,
        "INTERNAL: internal error; the request id leads to its cause in the server's log"
    );
    let told = String::from_utf8_lossy(status.details()).into_owned();
    assert!(
        !told.contains("hunter2") && !told.contains("follow_find"),
        "{told}"
    );
    let line = access_line("cause").await;
    assert_eq!(
        line["kith.error.cause"],
        "the query follow_find failed: password=hunter2"
    );
    assert_eq!(line["kith.error.reason"], "INTERNAL");
}
