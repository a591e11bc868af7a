use kith_contracts::messaging::v1::{GetMessageRequest, GetMessageResponse};
use kith_primitives::{Failure, MessageId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{message_not_found, messages_find};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (MESSAGE_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: GetMessageRequest,
) -> Result<GetMessageResponse, Failure> {
    let id = Violations::only("message_id", MessageId::parse(request.message_id))?;
    let rows = messages_find(&app.database, caller.user_id, &[id]).await?;
    let row = rows.into_iter().next().ok_or_else(|| message_not_found(id))?;
    Ok(GetMessageResponse {
        message: Some(convert::message(row)),
    })
}
