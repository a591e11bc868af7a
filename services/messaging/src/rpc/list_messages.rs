use kith_contracts::messaging::v1::{ListMessagesRequest, ListMessagesResponse};
use kith_primitives::{
    ConversationId, Failure, Invalid, Page, PageScope, Reason, UserCaller, UserId, Violations,
};

use super::convert;
use crate::App;
use crate::domain::SeqCursor;
use crate::store::{messages_backward, messages_forward};

/// INVALID_ARGUMENT (ID_INVALID, FIELD_MALFORMED, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID); NOT_FOUND
/// (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ListMessagesRequest,
) -> Result<ListMessagesResponse, Failure> {
    let (database, user_id) = (&app.database, caller.user_id);
    let (conversation_id, after_seq, page) = parse(user_id, &request)?;
    let (rows, next_page_token) = match after_seq {
        Some(seq) => messages_forward(database, user_id, conversation_id, seq, &page).await?,
        None => messages_backward(database, user_id, conversation_id, &page).await?,
    };
    Ok(ListMessagesResponse {
        messages: convert::messages(rows),
        next_page_token,
    })
}

fn parse(
    user_id: UserId,
    request: &ListMessagesRequest,
) -> Result<(ConversationId, Option<i64>, Page<SeqCursor>), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("conversation_id", ConversationId::parse(request.conversation_id));
    let after_seq = violations.check("after_seq", parse_seq(request.after_seq));
    // No seq is -1, so that it can stand for none.
    let after = request.after_seq.unwrap_or(-1);
    let scope = PageScope::new("ListMessages", &[user_id.get(), request.conversation_id, after]);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    match (id, after_seq, page) {
        (Some(id), Some(after_seq), Some(page)) => Ok((id, after_seq, page)),
        _ => Err(violations.into_failure()),
    }
}

fn parse_seq(seq: Option<i64>) -> Result<Option<i64>, Invalid> {
    if seq.is_some_and(i64::is_negative) {
        return Err(Invalid::new(Reason::FieldMalformed, "must not be negative"));
    }
    Ok(seq)
}
