use kith_contracts::identity::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, SigningKey, SigningKeyState,
};
use kith_primitives::{Cursor, Failure, Page, PageScope, Violations};

use crate::App;

/// INVALID_ARGUMENT (PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID).
#[expect(clippy::unused_async, reason = "handlers have one shape")]
pub(super) async fn call(
    app: &App,
    request: ListSigningKeysRequest,
) -> Result<ListSigningKeysResponse, Failure> {
    let page = parse(&request)?;
    let after = page.after().map_or(0, |cursor| cursor.key);
    let key = SigningKey {
        key_id: app.issuer.key().key_id().to_owned(),
        algorithm: "EdDSA".to_owned(),
        public_key: app.issuer.key().public_key().to_vec(),
        state: SigningKeyState::Active.into(),
        ..SigningKey::default()
    };
    let mut keys: Vec<(i64, SigningKey)> = (1..).zip([key]).filter(|(place, _)| *place > after).collect();
    let next_page_token = page.finish(&mut keys, |(place, _)| Cursor {
        created_at_micros: 0,
        key: *place,
    });
    let keys = keys.into_iter().map(|(_, key)| key).collect();
    Ok(ListSigningKeysResponse {
        keys,
        next_page_token,
    })
}

fn parse(request: &ListSigningKeysRequest) -> Result<Page, Failure> {
    let mut violations = Violations::new();
    let scope = PageScope::new("ListSigningKeys", &[]);
    Page::parse(scope, request.page_size, &request.page_token, &mut violations)
        .ok_or_else(|| violations.into_failure())
}
