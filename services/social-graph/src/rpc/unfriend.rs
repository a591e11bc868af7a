use kith_contracts::social_graph::v1::{UnfriendRequest, UnfriendResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{friendship_delete, friendship_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (FRIENDSHIP_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UnfriendRequest,
) -> Result<UnfriendResponse, Failure> {
    let friend_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    match friendship_delete(&app.database, caller.user_id, friend_id).await? {
        None if !request.allow_missing => Err(friendship_not_found(caller.user_id, friend_id)),
        deleted => Ok(UnfriendResponse {
            friendship: deleted.map(convert::friendship),
        }),
    }
}
