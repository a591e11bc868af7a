use kith_contracts::social_graph::v1::{ListMutualFriendsRequest, ListMutualFriendsResponse, MutualFriend};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use crate::App;
use crate::domain::UserCursor;
use crate::store::mutual_friends_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: ListMutualFriendsRequest,
) -> Result<ListMutualFriendsResponse, Failure> {
    let (one, other, page) = parse(&request)?;
    let (ids, next_page_token) = mutual_friends_page(&app.database, one, other, &page).await?;
    Ok(ListMutualFriendsResponse {
        mutual_friends: ids.into_iter().map(|user_id| MutualFriend { user_id }).collect(),
        next_page_token,
    })
}

fn parse(request: &ListMutualFriendsRequest) -> Result<(UserId, UserId, Page<UserCursor>), Failure> {
    let mut violations = Violations::new();
    let one = violations.check("user_id", UserId::parse(request.user_id));
    let other = violations.check("other_user_id", UserId::parse(request.other_user_id));
    let scope = PageScope::new("ListMutualFriends", &[request.user_id, request.other_user_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    match (one, other, page) {
        (Some(one), Some(other), Some(page)) => Ok((one, other, page)),
        _ => Err(violations.into_failure()),
    }
}
