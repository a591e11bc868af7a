use kith_contracts::messaging::v1::get_conversation_request::Key;
use kith_contracts::messaging::v1::{GetConversationRequest, GetConversationResponse};
use kith_primitives::{ConversationId, Failure, Invalid, Reason, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{conversation_find, conversation_find_by_peer};

enum Wanted {
    Id(ConversationId),
    Peer(UserId),
}

/// INVALID_ARGUMENT (FIELD_REQUIRED, ID_INVALID); NOT_FOUND (CONVERSATION_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: GetConversationRequest,
) -> Result<GetConversationResponse, Failure> {
    let row = match parse(&request)? {
        Wanted::Id(id) => conversation_find(&app.database, caller.user_id, id).await?,
        Wanted::Peer(id) => conversation_find_by_peer(&app.database, caller.user_id, id).await?,
    };
    Ok(GetConversationResponse {
        conversation: Some(convert::conversation(row)),
    })
}

fn parse(request: &GetConversationRequest) -> Result<Wanted, Failure> {
    match request.key {
        Some(Key::ConversationId(id)) => {
            Violations::only("conversation_id", ConversationId::parse(id)).map(Wanted::Id)
        }
        Some(Key::PeerId(id)) => Violations::only("peer_id", UserId::parse(id)).map(Wanted::Peer),
        None => {
            let missing = Invalid::new(Reason::FieldRequired, "must be a conversation_id or a peer_id");
            Violations::only("key", Err(missing))
        }
    }
}
