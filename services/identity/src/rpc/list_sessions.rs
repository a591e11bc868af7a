use kith_contracts::identity::v1::{ListSessionsRequest, ListSessionsResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::sessions_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListSessionsRequest,
) -> Result<ListSessionsResponse, Failure> {
    let page = parse(&caller, &request)?;
    let (rows, next_page_token) = sessions_page(&app.database, caller.user_id, &page).await?;
    let current = convert::current_session(&caller);
    let sessions = rows
        .into_iter()
        .map(|row| convert::session(row, current))
        .collect();
    Ok(ListSessionsResponse {
        sessions,
        next_page_token,
    })
}

fn parse(caller: &UserCaller, request: &ListSessionsRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListSessions", &[caller.user_id.get()]);
    Page::parse(scope, request.page_size, &request.page_token, &mut violations)
        .ok_or_else(|| violations.into_failure())
}
