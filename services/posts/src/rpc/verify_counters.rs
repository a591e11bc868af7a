use kith_contracts::posts::v1::{VerifyCountersRequest, VerifyCountersResponse};
use kith_primitives::{Failure, Page, PageScope, ServiceCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::PostCursor;
use crate::store::counters_verify;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: VerifyCountersRequest,
) -> Result<VerifyCountersResponse, Failure> {
    let page = parse(&request)?;
    let verified = counters_verify(&app.database, &page).await?;
    Ok(VerifyCountersResponse {
        drifts: verified.drifts.into_iter().map(convert::drift).collect(),
        verified_posts: i64::try_from(verified.posts).unwrap_or(i64::MAX),
        next_page_token: verified.next_page_token,
    })
}

fn parse(request: &VerifyCountersRequest) -> Result<Page<PostCursor>, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("VerifyCounters", &[]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
