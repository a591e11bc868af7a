use kith_contracts::social_graph::v1::{SuggestFriendsRequest, SuggestFriendsResponse};
use kith_primitives::{Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::SuggestionCursor;
use crate::store::friends_suggest;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: SuggestFriendsRequest,
) -> Result<SuggestFriendsResponse, Failure> {
    let page = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = friends_suggest(&app.database, caller.user_id, &page).await?;
    Ok(SuggestFriendsResponse {
        suggestions: rows.into_iter().map(convert::suggestion).collect(),
        next_page_token,
    })
}

fn parse(user_id: UserId, request: &SuggestFriendsRequest) -> Result<Page<SuggestionCursor>, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("SuggestFriends", &[user_id.get()]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    page.ok_or_else(|| violations.into_failure())
}
