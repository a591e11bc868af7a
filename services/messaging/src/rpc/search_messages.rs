use kith_contracts::messaging::v1::{SearchMessagesRequest, SearchMessagesResponse};
use kith_primitives::{ConversationId, Failure, Page, PageScope, UserCaller, UserId, Violations};

use super::convert;
use super::get_unread_count::parse_conversation;
use crate::App;
use crate::domain::Query;
use crate::store::{conversation_search, messages_search};

/// INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_CONTAINS_NUL, PAGE_SIZE_INVALID, PAGE_TOKEN_INVALID);
/// NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: SearchMessagesRequest,
) -> Result<SearchMessagesResponse, Failure> {
    let (database, user_id) = (&app.database, caller.user_id);
    let (query, conversation_id, page) = parse(user_id, &request)?;
    let (rows, next_page_token) = match conversation_id {
        Some(id) => conversation_search(database, user_id, id, &query, &page).await?,
        None => messages_search(database, user_id, &query, &page).await?,
    };
    Ok(SearchMessagesResponse {
        messages: convert::messages(rows),
        next_page_token,
    })
}

fn parse(
    user_id: UserId,
    request: &SearchMessagesRequest,
) -> Result<(Query, Option<ConversationId>, Page), Failure> {
    let mut violations = Violations::new();
    let query = violations.check("query", Query::parse(&request.query));
    let id = violations.check("conversation_id", parse_conversation(request.conversation_id));
    let scope = PageScope::new("SearchMessages", &[user_id.get(), request.conversation_id]);
    let scope = scope.with_text(&request.query);
    let page = Page::parse(scope, request.page_size, &request.page_token, &mut violations);
    match (query, id, page) {
        (Some(query), Some(id), Some(page)) => Ok((query, id, page)),
        _ => Err(violations.into_failure()),
    }
}
