use kith_contracts::posts::v1::{ListMentionsRequest, ListMentionsResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::mentions_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListMentionsRequest,
) -> Result<ListMentionsResponse, Failure> {
    let (user_id, page) = parse(&request)?;
    let (rows, next_page_token) = mentions_page(&app.database, caller.user_id(), user_id, &page).await?;
    Ok(ListMentionsResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

fn parse(request: &ListMentionsRequest) -> Result<(UserId, Page), Failure> {
    let mut violations = Violations::new();
    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    let scope = PageScope::new("ListMentions", &[request.user_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    user_id.zip(page).ok_or_else(|| violations.into_failure())
}
