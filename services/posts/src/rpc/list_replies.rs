use kith_contracts::posts::v1::{ListRepliesRequest, ListRepliesResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, PostId, Violations};

use super::convert;
use crate::App;
use crate::store::replies_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListRepliesRequest,
) -> Result<ListRepliesResponse, Failure> {
    let (post_id, page) = parse(&request)?;
    let (rows, next_page_token) = replies_page(&app.database, caller.user_id(), post_id, &page).await?;
    Ok(ListRepliesResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

/// What the page tokens of this method belong to, those too that GetThread gives out.
pub(super) fn scope(post_id: i64) -> PageScope {
    PageScope::new("ListReplies", &[post_id])
}

fn parse(request: &ListRepliesRequest) -> Result<(PostId, Page), Failure> {
    let mut violations = Violations::new();
    let post_id = violations.check("post_id", PostId::parse(request.post_id));
    let scope = scope(request.post_id);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    post_id.zip(page).ok_or_else(|| violations.into_failure())
}
