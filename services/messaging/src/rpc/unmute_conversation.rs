use kith_contracts::messaging::v1::{UnmuteConversationRequest, UnmuteConversationResponse};
use kith_primitives::{ConversationId, Failure, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::conversation_unmute;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UnmuteConversationRequest,
) -> Result<UnmuteConversationResponse, Failure> {
    let id = ConversationId::parse(request.conversation_id);
    let id = Violations::only("conversation_id", id)?;
    let row = conversation_unmute(&app.database, caller.user_id, id).await?;
    Ok(UnmuteConversationResponse {
        conversation: Some(convert::conversation(row)),
    })
}
