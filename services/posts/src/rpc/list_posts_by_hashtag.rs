use kith_contracts::posts::v1::{ListPostsByHashtagRequest, ListPostsByHashtagResponse};
use kith_primitives::{Caller, Failure, Page, PageScope, Violations};

use super::convert;
use crate::App;
use crate::domain::Topic;
use crate::store::hashtag_page;

/// INVALID_ARGUMENT (FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED, FIELD_CONTAINS_NUL, PAGE_SIZE_INVALID,
/// PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: ListPostsByHashtagRequest,
) -> Result<ListPostsByHashtagResponse, Failure> {
    let (topic, page) = parse(&request)?;
    let (rows, next_page_token) = hashtag_page(&app.database, caller.user_id(), &topic, &page).await?;
    Ok(ListPostsByHashtagResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

fn parse(request: &ListPostsByHashtagRequest) -> Result<(Topic, Page), Failure> {
    let mut violations = Violations::new();
    let topic = violations.check("tag", Topic::parse(&request.tag));
    // A tag in another case names the same list.
    let named = topic.as_ref().map_or(request.tag.as_str(), Topic::as_str);
    let scope = PageScope::new("ListPostsByHashtag", &[]).with_text(named);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    topic.zip(page).ok_or_else(|| violations.into_failure())
}
