use kith_contracts::posts::v1::{ListPostEditsRequest, ListPostEditsResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, PostId, Violations};

use super::convert;
use crate::App;
use crate::store::edits_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListPostEditsRequest,
) -> Result<ListPostEditsResponse, Failure> {
    let (id, page) = parse(&request)?;
    let (rows, next_page_token) = edits_page(&app.database, caller.user_id(), id, &page).await?;
    let edits: Result<_, Failure> = rows.into_iter().map(convert::post_edit).collect();
    Ok(ListPostEditsResponse {
        edits: edits?,
        next_page_token,
    })
}

fn parse(request: &ListPostEditsRequest) -> Result<(PostId, Page), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("post_id", PostId::parse(request.post_id));
    let scope = PageScope::new("ListPostEdits", &[request.post_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    id.zip(page).ok_or_else(|| violations.into_failure())
}
