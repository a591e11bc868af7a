use kith_contracts::social_graph::v1::{CancelFriendRequestRequest, CancelFriendRequestResponse};
use kith_primitives::{Failure, FriendRequestId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{request_cancel, request_not_found};

/// INVALID_ARGUMENT (ID_INVALID); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (FRIEND_REQUEST_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: CancelFriendRequestRequest,
) -> Result<CancelFriendRequestResponse, Failure> {
    let id = FriendRequestId::parse(request.friend_request_id);
    let id = Violations::only("friend_request_id", id)?;
    match request_cancel(&app.database, id, caller.user_id).await? {
        None if !request.allow_missing => Err(request_not_found(id)),
        taken => Ok(CancelFriendRequestResponse {
            friend_request: taken.map(convert::friend_request),
        }),
    }
}
