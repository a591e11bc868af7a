use kith_contracts::identity::v1::{SearchUsersRequest, SearchUsersResponse};
use kith_primitives::{Caller, Failure, NameCursor, Page, PageScope, Violations};

use super::convert;
use crate::App;
use crate::domain::SearchQuery;
use crate::store::users_search;

/// INVALID_ARGUMENT (FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_CONTAINS_NUL, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: SearchUsersRequest,
) -> Result<SearchUsersResponse, Failure> {
    let (query, page) = parse(&request)?;
    let (rows, next_page_token) = users_search(&app.database, &query, &page).await?;
    Ok(SearchUsersResponse {
        users: rows.into_iter().map(convert::user).collect(),
        next_page_token,
    })
}

fn parse(request: &SearchUsersRequest) -> Result<(SearchQuery, Page<NameCursor>), Failure> {
    let mut violations = Violations::new();
    let query = violations.check("query", SearchQuery::parse(&request.query));
    let scope = PageScope::new("SearchUsers", &[]).with_text(&request.query);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    query.zip(page).ok_or_else(|| violations.into_failure())
}
