use kith_contracts::messaging::v1::{ListReceivedMessagesRequest, ListReceivedMessagesResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::received_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListReceivedMessagesRequest,
) -> Result<ListReceivedMessagesResponse, Failure> {
    let page = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = received_page(&app.database, caller.user_id, &page).await?;
    Ok(ListReceivedMessagesResponse {
        messages: convert::messages(rows),
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &ListReceivedMessagesRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListReceivedMessages", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
