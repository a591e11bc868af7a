use kith_contracts::social_graph::v1::{FollowRequest, FollowResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::FollowEdge;
use crate::store::follow_create;

/// INVALID_ARGUMENT (ID_INVALID, SELF_FOLLOW); NOT_FOUND (USER_NOT_FOUND); FAILED_PRECONDITION (USER_INACTIVE);
/// PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS (FOLLOW_EXISTS) unless allow_existing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: FollowRequest,
) -> Result<FollowResponse, Failure> {
    let followed_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let edge = Violations::only("user_id", FollowEdge::new(caller.user_id, followed_id))?;
    let created = follow_create(&app.database, edge, request.allow_existing).await?;
    Ok(FollowResponse {
        follow: Some(convert::follow(created.follow)),
        existing: created.existing,
    })
}
