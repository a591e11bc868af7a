use kith_contracts::identity::v1::{RevokeSessionRequest, RevokeSessionResponse};
use kith_primitives::{Caller, Failure, SessionId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{session_delete, session_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (SESSION_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: RevokeSessionRequest,
) -> Result<RevokeSessionResponse, Failure> {
    let session_id = Violations::only("session_id", SessionId::parse(request.session_id))?;
    match session_delete(&app.database, &caller, user.user_id, session_id).await? {
        None if !request.allow_missing => Err(session_not_found(session_id)),
        deleted => {
            let current = convert::current_session(&user);
            Ok(RevokeSessionResponse {
                session: deleted.map(|row| convert::session(row, current)),
            })
        }
    }
}
