use kith_contracts::posts::v1::{RepairCountersRequest, RepairCountersResponse};
use kith_primitives::{Failure, Page, PageScope, ServiceCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::PostCursor;
use crate::store::counters_repair;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: RepairCountersRequest,
) -> Result<RepairCountersResponse, Failure> {
    let page = parse(&request)?;
    let verified = counters_repair(&app.database, &page).await?;
    Ok(RepairCountersResponse {
        drifts: verified.drifts.into_iter().map(convert::drift).collect(),
        verified_posts: i64::try_from(verified.posts).unwrap_or(i64::MAX),
        next_page_token: verified.next_page_token,
    })
}

fn parse(request: &RepairCountersRequest) -> Result<Page<PostCursor>, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("RepairCounters", &[]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
