use kith_contracts::identity::v1::{GetUserRequest, GetUserResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::user_find;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(app: &App, _: Caller, request: GetUserRequest) -> Result<GetUserResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = user_find(&app.database, user_id).await?;
    Ok(GetUserResponse {
        user: Some(convert::user(row)),
    })
}
