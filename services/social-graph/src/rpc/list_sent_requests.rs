use kith_contracts::social_graph::v1::{ListSentRequestsRequest, ListSentRequestsResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::sent_requests_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListSentRequestsRequest,
) -> Result<ListSentRequestsResponse, Failure> {
    let page = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = sent_requests_page(&app.database, caller.user_id, &page).await?;
    Ok(ListSentRequestsResponse {
        friend_requests: rows.into_iter().map(convert::friend_request).collect(),
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &ListSentRequestsRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListSentRequests", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
