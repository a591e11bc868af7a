use kith_contracts::social_graph::v1::{RemoveFollowerRequest, RemoveFollowerResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{follow_delete, follow_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (FOLLOW_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: RemoveFollowerRequest,
) -> Result<RemoveFollowerResponse, Failure> {
    let follower_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    match follow_delete(&app.database, follower_id, caller.user_id).await? {
        None if !request.allow_missing => Err(follow_not_found(follower_id, caller.user_id)),
        deleted => Ok(RemoveFollowerResponse {
            follow: deleted.map(convert::follow),
        }),
    }
}
