use kith_contracts::social_graph::v1::{ListFriendsRequest, ListFriendsResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::friends_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: ListFriendsRequest,
) -> Result<ListFriendsResponse, Failure> {
    let (user_id, page) = parse(&request)?;
    let (rows, next_page_token) = friends_page(&app.database, user_id, &page).await?;
    Ok(ListFriendsResponse {
        friendships: rows.into_iter().map(convert::friendship).collect(),
        next_page_token,
    })
}

fn parse(request: &ListFriendsRequest) -> Result<(UserId, Page), Failure> {
    let mut violations = Violations::new();
    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    let scope = PageScope::new("ListFriends", &[request.user_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    user_id.zip(page).ok_or_else(|| violations.into_failure())
}
