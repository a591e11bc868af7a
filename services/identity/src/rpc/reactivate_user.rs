use kith_contracts::identity::v1::{ReactivateUserRequest, ReactivateUserResponse};
use kith_primitives::{Caller, Failure, ServiceCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::user_reactivate;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    (_, caller): (ServiceCaller, Caller),
    request: ReactivateUserRequest,
) -> Result<ReactivateUserResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = user_reactivate(&app.database, &caller, user_id).await?;
    Ok(ReactivateUserResponse {
        user: Some(convert::user(row)),
    })
}
