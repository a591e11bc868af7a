use kith_contracts::identity::v1::{DeactivateUserRequest, DeactivateUserResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::user_deactivate;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: DeactivateUserRequest,
) -> Result<DeactivateUserResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = user_deactivate(&app.database, &caller, user_id).await?;
    Ok(DeactivateUserResponse {
        user: Some(convert::user(row)),
    })
}
