use kith_contracts::posts::v1::{SearchOrder, SearchPostsRequest, SearchPostsResponse};
use kith_primitives::{Caller, Failure, Invalid, Page, PageScope, Reason, Violations};

use super::convert;
use crate::App;
use crate::domain::{RankCursor, SearchQuery};
use crate::store::{posts_search_best, posts_search_newest};

/// INVALID_ARGUMENT (FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_MALFORMED, FIELD_CONTAINS_NUL, PAGE_SIZE_INVALID,
/// PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: SearchPostsRequest,
) -> Result<SearchPostsResponse, Failure> {
    let (query, page) = parse(&request)?;
    let (database, user) = (&app.database, caller.user_id());
    let (rows, next_page_token) = match page {
        Ordered::Newest(page) => posts_search_newest(database, user, &query, &page).await?,
        Ordered::Best(page) => posts_search_best(database, user, &query, &page).await?,
    };
    Ok(SearchPostsResponse {
        posts: convert::posts(&caller, rows)?,
        next_page_token,
    })
}

/// A page in the order that it is a part of.
enum Ordered {
    Newest(Page),
    Best(Page<RankCursor>),
}

fn parse(request: &SearchPostsRequest) -> Result<(SearchQuery, Ordered), Failure> {
    let mut violations = Violations::new();
    let query = violations.check("query", SearchQuery::parse(&request.query));
    let order = violations.check("order", order(request.order));
    let is_best = order == Some(SearchOrder::Best);
    let scope = PageScope::new("SearchPosts", &[is_best.into()]).with_text(&request.query);
    let (size, token) = (request.page_size, request.page_token.as_str());
    let page = match is_best {
        false => Page::parse(scope, size, token, &mut violations).map(Ordered::Newest),
        true => Page::parse(scope, size, token, &mut violations).map(Ordered::Best),
    };
    match (query, order, page) {
        (Some(query), Some(_), Some(page)) => Ok((query, page)),
        _ => Err(violations.into_failure()),
    }
}

fn order(number: i32) -> Result<SearchOrder, Invalid> {
    SearchOrder::try_from(number)
        .map_err(|_| Invalid::new(Reason::FieldMalformed, "must be one of the orders that there are"))
}
