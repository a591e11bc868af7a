use kith_contracts::messaging::v1::{MarkReadRequest, MarkReadResponse};
use kith_primitives::{Failure, MessageId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::message_mark;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (MESSAGE_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: MarkReadRequest,
) -> Result<MarkReadResponse, Failure> {
    let id = Violations::only("message_id", MessageId::parse(request.message_id))?;
    let marked = message_mark(&app.database, caller.user_id, id).await?;
    Ok(MarkReadResponse {
        conversation_id: marked.conversation_id,
        read_seq: marked.read_seq,
        unread_count: Some(convert::unread(marked.unread)),
    })
}
