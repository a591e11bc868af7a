use kith_contracts::messaging::v1::{MarkAllReadRequest, MarkAllReadResponse};
use kith_primitives::{Failure, UserCaller, Violations};

use super::convert;
use super::get_unread_count::parse_conversation;
use crate::App;
use crate::store::all_mark;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: MarkAllReadRequest,
) -> Result<MarkAllReadResponse, Failure> {
    let conversation_id = parse_conversation(request.conversation_id);
    let conversation_id = Violations::only("conversation_id", conversation_id)?;
    let unread = all_mark(&app.database, caller.user_id, conversation_id).await?;
    Ok(MarkAllReadResponse {
        unread_count: Some(convert::unread(unread)),
    })
}
