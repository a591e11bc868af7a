use kith_contracts::social_graph::v1::{GetFollowRequest, GetFollowResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::{follow_find, follow_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (FOLLOW_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: GetFollowRequest,
) -> Result<GetFollowResponse, Failure> {
    let (follower_id, followed_id) = parse(&request)?;
    let row = follow_find(&app.database, follower_id, followed_id).await?;
    let row = row.ok_or_else(|| follow_not_found(follower_id, followed_id))?;
    Ok(GetFollowResponse {
        follow: Some(convert::follow(row)),
    })
}

fn parse(request: &GetFollowRequest) -> Result<(UserId, UserId), Failure> {
    let mut violations = Violations::new();
    let follower_id = violations.check("follower_id", UserId::parse(request.follower_id));
    let followed_id = violations.check("followed_id", UserId::parse(request.followed_id));
    follower_id
        .zip(followed_id)
        .ok_or_else(|| violations.into_failure())
}
