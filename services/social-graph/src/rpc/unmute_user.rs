use kith_contracts::social_graph::v1::{UnmuteUserRequest, UnmuteUserResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{mute_delete, mute_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (MUTE_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UnmuteUserRequest,
) -> Result<UnmuteUserResponse, Failure> {
    let muted_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    match mute_delete(&app.database, caller.user_id, muted_id).await? {
        None if !request.allow_missing => Err(mute_not_found(caller.user_id, muted_id)),
        deleted => Ok(UnmuteUserResponse {
            mute: deleted.map(convert::mute),
        }),
    }
}
