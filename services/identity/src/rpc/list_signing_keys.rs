use kith_contracts::identity::v1::{ListSigningKeysRequest, ListSigningKeysResponse};
use kith_primitives::{Failure, Page, PageScope, Violations};

use super::convert;
use crate::App;
use crate::domain::KeyCursor;
use crate::store::signing_keys_page;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
pub(super) async fn call(
    app: &App,
    request: ListSigningKeysRequest,
) -> Result<ListSigningKeysResponse, Failure> {
    let page = parse(&request)?;
    let (keys, next_page_token) = signing_keys_page(&app.database, &page).await?;
    Ok(ListSigningKeysResponse {
        keys: convert::signing_keys(keys),
        next_page_token,
    })
}

fn parse(request: &ListSigningKeysRequest) -> Result<Page<KeyCursor>, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListSigningKeys", &[]);
    Page::parse(scope, request.page_size, &request.page_token, &mut violations)
        .ok_or_else(|| violations.into_failure())
}
