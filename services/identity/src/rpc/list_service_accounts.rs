use kith_contracts::identity::v1::{ListServiceAccountsRequest, ListServiceAccountsResponse};
use kith_primitives::{Failure, Page, PageScope, ServiceCaller, Violations};

use super::convert;
use crate::App;
use crate::store::service_accounts_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: ListServiceAccountsRequest,
) -> Result<ListServiceAccountsResponse, Failure> {
    let page = parse(&request)?;
    let (rows, next_page_token) = service_accounts_page(&app.database, &page).await?;
    Ok(ListServiceAccountsResponse {
        service_accounts: rows.into_iter().map(convert::service_account).collect(),
        next_page_token,
    })
}

fn parse(request: &ListServiceAccountsRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListServiceAccounts", &[]);
    Page::parse(scope, request.page_size, &request.page_token, &mut violations)
        .ok_or_else(|| violations.into_failure())
}
