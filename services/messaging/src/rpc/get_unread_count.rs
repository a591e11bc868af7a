use kith_contracts::messaging::v1::{GetUnreadCountRequest, GetUnreadCountResponse};
use kith_primitives::{ConversationId, Failure, Invalid, Reason, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{unread_count, unread_count_in};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: GetUnreadCountRequest,
) -> Result<GetUnreadCountResponse, Failure> {
    let conversation_id = parse_conversation(request.conversation_id);
    let unread = match Violations::only("conversation_id", conversation_id)? {
        Some(id) => unread_count_in(&app.database, caller.user_id, id).await?,
        None => unread_count(&app.database, caller.user_id).await?,
    };
    Ok(GetUnreadCountResponse {
        unread_count: Some(convert::unread(unread)),
    })
}

/// `None` for 0, which stands for all conversations.
pub(super) fn parse_conversation(id: i64) -> Result<Option<ConversationId>, Invalid> {
    if id == 0 {
        return Ok(None);
    }
    let negative = |_| {
        Invalid::new(
            Reason::IdInvalid,
            "must be greater than 0, or 0 for all conversations",
        )
    };
    ConversationId::parse(id).map(Some).map_err(negative)
}
