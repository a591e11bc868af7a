use kith_contracts::messaging::v1::{MuteConversationRequest, MuteConversationResponse};
use kith_primitives::{ConversationId, Failure, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::MuteTtl;
use crate::store::conversation_mute;

/// INVALID_ARGUMENT (ID_INVALID, DURATION_INVALID); NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: MuteConversationRequest,
) -> Result<MuteConversationResponse, Failure> {
    let (id, ttl) = parse(&request)?;
    let row = conversation_mute(&app.database, caller.user_id, id, ttl).await?;
    Ok(MuteConversationResponse {
        conversation: Some(convert::conversation(row)),
    })
}

fn parse(request: &MuteConversationRequest) -> Result<(ConversationId, Option<MuteTtl>), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("conversation_id", ConversationId::parse(request.conversation_id));
    let ttl = request.ttl.map(|ttl| MuteTtl::parse(ttl.seconds, ttl.nanos));
    let ttl = violations.check("ttl", ttl.transpose());
    id.zip(ttl).ok_or_else(|| violations.into_failure())
}
