use kith_contracts::posts::v1::{ListLikersRequest, ListLikersResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, PostId, Violations};

use super::convert;
use crate::App;
use crate::domain::Reaction;
use crate::store::reactions_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListLikersRequest,
) -> Result<ListLikersResponse, Failure> {
    let (id, page) = parse(&request)?;
    let (rows, next_page_token) =
        reactions_page(&app.database, Reaction::Like, caller.user_id(), id, &page).await?;
    Ok(ListLikersResponse {
        likes: rows.into_iter().map(convert::like).collect(),
        next_page_token,
    })
}

fn parse(request: &ListLikersRequest) -> Result<(PostId, Page), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("post_id", PostId::parse(request.post_id));
    let scope = PageScope::new("ListLikers", &[request.post_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    id.zip(page).ok_or_else(|| violations.into_failure())
}
