use kith_contracts::posts::v1::{ListPostsByAuthorRequest, ListPostsByAuthorResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{AuthorList, author_page};

/// INVALID_ARGUMENT (ID_INVALID, FIELD_MALFORMED, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListPostsByAuthorRequest,
) -> Result<ListPostsByAuthorResponse, Failure> {
    let (list, page) = parse(&request)?;
    let (rows, next_page_token) = author_page(&app.database, caller.user_id(), list, &page).await?;
    Ok(ListPostsByAuthorResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

fn parse(request: &ListPostsByAuthorRequest) -> Result<(AuthorList, Page), Failure> {
    let with_replies = request.include_replies;
    let arguments = [request.author_id, request.r#type.into(), with_replies.into()];
    let scope = PageScope::new("ListPostsByAuthor", &arguments);
    let mut violations = Violations::new();
    let author_id = violations.check("author_id", UserId::parse(request.author_id));
    let kind = violations.check("type", convert::post_kind(request.r#type));
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    match (author_id, kind, page) {
        (Some(author_id), Some(kind), Some(page)) => Ok((
            AuthorList {
                author_id,
                kind,
                with_replies,
            },
            page,
        )),
        _ => Err(violations.into_failure()),
    }
}
