use kith_contracts::social_graph::v1::{ListFollowersRequest, ListFollowersResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::followers_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: ListFollowersRequest,
) -> Result<ListFollowersResponse, Failure> {
    let (user_id, page) = parse(&request)?;
    let (rows, next_page_token) = followers_page(&app.database, user_id, &page).await?;
    Ok(ListFollowersResponse {
        follows: rows.into_iter().map(convert::follow).collect(),
        next_page_token,
    })
}

fn parse(request: &ListFollowersRequest) -> Result<(UserId, Page), Failure> {
    let mut violations = Violations::new();
    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    let scope = PageScope::new("ListFollowers", &[request.user_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    user_id.zip(page).ok_or_else(|| violations.into_failure())
}
