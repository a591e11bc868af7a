use kith_contracts::identity::v1::{ListUsersRequest, ListUsersResponse};
use kith_primitives::{Failure, Page, PageScope, ServiceCaller, Violations};

use super::convert;
use crate::App;
use crate::store::accounts_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: ListUsersRequest,
) -> Result<ListUsersResponse, Failure> {
    let page = parse(&request)?;
    let (rows, next_page_token) = accounts_page(&app.database, &page).await?;
    Ok(ListUsersResponse {
        accounts: rows.into_iter().map(convert::account).collect(),
        next_page_token,
    })
}

fn parse(request: &ListUsersRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListUsers", &[]);
    Page::parse(scope, request.page_size, &request.page_token, &mut violations)
        .ok_or_else(|| violations.into_failure())
}
