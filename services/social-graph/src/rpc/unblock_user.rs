use kith_contracts::social_graph::v1::{UnblockUserRequest, UnblockUserResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{block_delete, block_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (BLOCK_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UnblockUserRequest,
) -> Result<UnblockUserResponse, Failure> {
    let blocked_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    match block_delete(&app.database, caller.user_id, blocked_id).await? {
        None if !request.allow_missing => Err(block_not_found(caller.user_id, blocked_id)),
        deleted => Ok(UnblockUserResponse {
            block: deleted.map(convert::block),
        }),
    }
}
