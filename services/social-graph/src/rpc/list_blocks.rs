use kith_contracts::social_graph::v1::{ListBlocksRequest, ListBlocksResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::blocks_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListBlocksRequest,
) -> Result<ListBlocksResponse, Failure> {
    let page = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = blocks_page(&app.database, caller.user_id, &page).await?;
    Ok(ListBlocksResponse {
        blocks: rows.into_iter().map(convert::block).collect(),
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &ListBlocksRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListBlocks", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
