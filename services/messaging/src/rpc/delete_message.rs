use kith_contracts::messaging::v1::{DeleteMessageRequest, DeleteMessageResponse, DeleteMessageScope};
use kith_primitives::{Failure, Invalid, MessageId, Reason, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{Deleted, message_delete, message_hide, message_not_found};

enum Scope {
    Both,
    Caller,
}

/// INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_MALFORMED); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND
/// (MESSAGE_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: DeleteMessageRequest,
) -> Result<DeleteMessageResponse, Failure> {
    let (id, scope) = parse(&request)?;
    let deleted = match scope {
        Scope::Both => message_delete(&app.database, caller.user_id, id).await?,
        Scope::Caller => message_hide(&app.database, caller.user_id, id).await?,
    };
    let row = match deleted {
        Deleted::Now(row) => Some(row),
        Deleted::Before(row) if request.allow_missing => Some(row),
        Deleted::Missing if request.allow_missing => None,
        Deleted::Before(_) | Deleted::Missing => return Err(message_not_found(id)),
    };
    Ok(DeleteMessageResponse {
        message: row.map(convert::message),
    })
}

fn parse(request: &DeleteMessageRequest) -> Result<(MessageId, Scope), Failure> {
    let mut violations = Violations::new();
    let id = violations.check("message_id", MessageId::parse(request.message_id));
    let scope = violations.check("scope", parse_scope(request.scope));
    id.zip(scope).ok_or_else(|| violations.into_failure())
}

fn parse_scope(scope: i32) -> Result<Scope, Invalid> {
    match DeleteMessageScope::try_from(scope) {
        Ok(DeleteMessageScope::Both) => Ok(Scope::Both),
        Ok(DeleteMessageScope::Caller) => Ok(Scope::Caller),
        Ok(DeleteMessageScope::Unspecified) => Err(Invalid::new(Reason::FieldRequired, "must be set")),
        Err(_) => Err(Invalid::new(
            Reason::FieldMalformed,
            "must be a scope of the contract",
        )),
    }
}
