use kith_contracts::posts::v1::{ListPostsRequest, ListPostsResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, Violations};

use super::convert;
use crate::App;
use crate::store::posts_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListPostsRequest,
) -> Result<ListPostsResponse, Failure> {
    let page = parse(&request)?;
    let (rows, next_page_token) = posts_page(&app.database, caller.user_id(), &page).await?;
    Ok(ListPostsResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

fn parse(request: &ListPostsRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListPosts", &[]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
