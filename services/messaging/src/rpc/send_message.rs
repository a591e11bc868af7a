use kith_contracts::messaging::v1::{SendMessageRequest, SendMessageResponse};
use kith_primitives::{Failure, ReplayKey, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::{Content, Outgoing};
use crate::store::message_send;

/// INVALID_ARGUMENT (ID_INVALID, SELF_MESSAGE, FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_CONTAINS_NUL, FIELD_MALFORMED); NOT_FOUND
/// (USER_NOT_FOUND, RESOURCE_DELETED); FAILED_PRECONDITION (USER_INACTIVE, REQUEST_ID_REUSED); PERMISSION_DENIED
/// (INTERACTION_NOT_ALLOWED).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: SendMessageRequest,
) -> Result<SendMessageResponse, Failure> {
    let outgoing = parse(caller.user_id, &request)?;
    let sent = message_send(&app.database, &outgoing).await?;
    Ok(SendMessageResponse {
        message: Some(convert::message(sent.message)),
        replayed: sent.replayed,
        unread_count: Some(convert::unread(sent.unread)),
    })
}

fn parse(sender_id: UserId, request: &SendMessageRequest) -> Result<Outgoing, Failure> {
    let mut violations = Violations::new();
    let receiver_id = violations.check("receiver_id", UserId::parse(request.receiver_id));
    let receiver_id =
        receiver_id.and_then(|id| violations.check("receiver_id", Outgoing::check_receiver(sender_id, id)));
    let content = violations.check("content", Content::parse(&request.content));
    let request_id = violations.check("request_id", ReplayKey::parse(&request.request_id));
    match (receiver_id, content, request_id) {
        (Some(receiver_id), Some(content), Some(request_id)) => Ok(Outgoing {
            sender_id,
            receiver_id,
            replay: request_id.map(|id| ReplayKey::new(id, Outgoing::fingerprint(receiver_id, &content))),
            content,
        }),
        _ => Err(violations.into_failure()),
    }
}
