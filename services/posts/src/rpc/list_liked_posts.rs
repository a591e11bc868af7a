use kith_contracts::posts::v1::{ListLikedPostsRequest, ListLikedPostsResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::Reaction;
use crate::store::reacted_posts_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListLikedPostsRequest,
) -> Result<ListLikedPostsResponse, Failure> {
    let (user_id, page) = parse(&request)?;
    let (rows, next_page_token) =
        reacted_posts_page(&app.database, Reaction::Like, caller.user_id(), user_id, &page).await?;
    let posts = rows.into_iter().map(|row| convert::liked_post(&caller, row));
    Ok(ListLikedPostsResponse {
        posts: posts.collect::<Result<_, _>>()?,
        next_page_token,
    })
}

fn parse(request: &ListLikedPostsRequest) -> Result<(UserId, Page), Failure> {
    let mut violations = Violations::new();
    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    let scope = PageScope::new("ListLikedPosts", &[request.user_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    user_id.zip(page).ok_or_else(|| violations.into_failure())
}
