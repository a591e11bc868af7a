use kith_contracts::identity::v1::{RevokeAllSessionsRequest, RevokeAllSessionsResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::sessions_delete;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: RevokeAllSessionsRequest,
) -> Result<RevokeAllSessionsResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let current = caller.user().and_then(convert::current_session);
    let kept = current.filter(|_| request.keep_current);
    let ended = sessions_delete(&app.database, &caller, user_id, kept).await?;
    Ok(RevokeAllSessionsResponse {
        revoked_sessions: i64::try_from(ended).unwrap_or(i64::MAX),
    })
}
