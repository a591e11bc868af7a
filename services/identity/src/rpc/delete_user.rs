use kith_contracts::identity::v1::{DeleteUserRequest, DeleteUserResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{user_delete, user_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND) unless allow_missing; PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: DeleteUserRequest,
) -> Result<DeleteUserResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let owner = caller.user_id();
    match user_delete(&app.database, user_id, owner).await? {
        None if !request.allow_missing => Err(user_not_found(user_id)),
        deleted => Ok(DeleteUserResponse {
            user: deleted.map(convert::user),
        }),
    }
}
