use kith_contracts::identity::v1::{GetAccountRequest, GetAccountResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::account_find;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: GetAccountRequest,
) -> Result<GetAccountResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = account_find(&app.database, user_id, caller.user_id()).await?;
    Ok(GetAccountResponse {
        account: Some(convert::account(row)),
    })
}
