use kith_contracts::social_graph::v1::{AcceptFriendRequestRequest, AcceptFriendRequestResponse};
use kith_primitives::{Failure, FriendRequestId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{request_accept, request_not_found};

/// INVALID_ARGUMENT (ID_INVALID); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (FRIEND_REQUEST_NOT_FOUND); FAILED_PRECONDITION
/// (USER_INACTIVE).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: AcceptFriendRequestRequest,
) -> Result<AcceptFriendRequestResponse, Failure> {
    let id = FriendRequestId::parse(request.friend_request_id);
    let id = Violations::only("friend_request_id", id)?;
    let row = request_accept(&app.database, id, caller.user_id).await?;
    let row = row.ok_or_else(|| request_not_found(id))?;
    Ok(AcceptFriendRequestResponse {
        friendship: Some(convert::friendship(row)),
    })
}
