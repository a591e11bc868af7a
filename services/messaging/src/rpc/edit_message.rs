use kith_contracts::messaging::v1::{EditMessageRequest, EditMessageResponse};
use kith_primitives::{Etag, Failure, MessageId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::Content;
use crate::store::message_edit;

/// INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_TOO_LONG, FIELD_CONTAINS_NUL, FIELD_MALFORMED); NOT_FOUND
/// (MESSAGE_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER, INTERACTION_NOT_ALLOWED); FAILED_PRECONDITION (MESSAGE_DELETED,
/// USER_INACTIVE); ABORTED (ETAG_MISMATCH).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: EditMessageRequest,
) -> Result<EditMessageResponse, Failure> {
    let (id, content, etag) = parse(&request)?;
    let row = message_edit(&app.database, caller.user_id, id, &content, etag).await?;
    Ok(EditMessageResponse {
        message: Some(convert::message(row)),
    })
}

fn parse(request: &EditMessageRequest) -> Result<(MessageId, Content, Option<Etag>), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("message_id", MessageId::parse(request.message_id));
    let content = violations.check("content", Content::parse(&request.content));
    let etag = violations.check("etag", Etag::parse(&request.etag));
    match (id, content, etag) {
        (Some(id), Some(content), Some(etag)) => Ok((id, content, etag)),
        _ => Err(violations.into_failure()),
    }
}
