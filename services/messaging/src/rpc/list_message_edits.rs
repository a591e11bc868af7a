use kith_contracts::messaging::v1::{ListMessageEditsRequest, ListMessageEditsResponse};
use kith_primitives::{Failure, MessageId, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::SeqCursor;
use crate::store::edits_page;

/// INVALID_ARGUMENT (ID_INVALID, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND (MESSAGE_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListMessageEditsRequest,
) -> Result<ListMessageEditsResponse, Failure> {
    let (id, page) = parse(caller.user_id, &request)?;
    let (rows, next_page_token) = edits_page(&app.database, caller.user_id, id, &page).await?;
    Ok(ListMessageEditsResponse {
        edits: rows.into_iter().map(convert::edit).collect(),
        next_page_token,
    })
}

fn parse(
    user_id: UserId,
    request: &ListMessageEditsRequest,
) -> Result<(MessageId, Page<SeqCursor>), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("message_id", MessageId::parse(request.message_id));
    let scope = PageScope::new("ListMessageEdits", &[user_id.get(), request.message_id]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    id.zip(page).ok_or_else(|| violations.into_failure())
}
