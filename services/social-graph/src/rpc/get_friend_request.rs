use kith_contracts::social_graph::v1::{GetFriendRequestRequest, GetFriendRequestResponse};
use kith_primitives::{Failure, FriendRequestId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{request_find, request_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (FRIEND_REQUEST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: GetFriendRequestRequest,
) -> Result<GetFriendRequestResponse, Failure> {
    let id = FriendRequestId::parse(request.friend_request_id);
    let id = Violations::only("friend_request_id", id)?;
    let row = request_find(&app.database, id, caller.user_id).await?;
    let row = row.ok_or_else(|| request_not_found(id))?;
    Ok(GetFriendRequestResponse {
        friend_request: Some(convert::friend_request(row)),
    })
}
