use kith_contracts::messaging::v1::{ListConversationsRequest, ListConversationsResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::conversations_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListConversationsRequest,
) -> Result<ListConversationsResponse, Failure> {
    let page = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = conversations_page(&app.database, caller.user_id, &page).await?;
    Ok(ListConversationsResponse {
        conversations: rows.into_iter().map(convert::conversation).collect(),
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &ListConversationsRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListConversations", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
