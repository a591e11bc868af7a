use kith_contracts::identity::v1::{ListAuditEventsRequest, ListAuditEventsResponse};
use kith_primitives::{
    Failure, Invalid, Page, PageScope, Reason, ServiceCaller, Violations, char_count, refuse_nul,
};

use super::convert;
use crate::App;
use crate::store::audit_events_page;

/// The longest subject, in characters.
const SUBJECT_MAX: usize = 200;

/// INVALID_ARGUMENT with every broken rule.
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: ListAuditEventsRequest,
) -> Result<ListAuditEventsResponse, Failure> {
    let (subject, page) = parse(&request)?;
    let (rows, next_page_token) = audit_events_page(&app.database, subject, &page).await?;
    Ok(ListAuditEventsResponse {
        events: rows.into_iter().map(convert::audit_event).collect(),
        next_page_token,
    })
}

fn parse(request: &ListAuditEventsRequest) -> Result<(Option<&str>, Page), Failure> {
    let mut violations = Violations::new();
    let subject = violations.check("subject", subject(&request.subject));
    let scope = PageScope::new("ListAuditEvents", &[]).with_text(&request.subject);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    subject.zip(page).ok_or_else(|| violations.into_failure())
}

/// Empty means all.
fn subject(text: &str) -> Result<Option<&str>, Invalid> {
    refuse_nul(text)?;
    if char_count(text) > SUBJECT_MAX {
        return Err(Invalid::new(
            Reason::FieldTooLong,
            "must have at most 200 characters",
        ));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
