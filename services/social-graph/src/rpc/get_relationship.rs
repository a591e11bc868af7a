use kith_contracts::social_graph::v1::{GetRelationshipRequest, GetRelationshipResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};
use kith_rules::identity::user_not_found;

use super::convert;
use crate::App;
use crate::store::{not_owned, relationships_find};

/// INVALID_ARGUMENT (ID_INVALID); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: GetRelationshipRequest,
) -> Result<GetRelationshipResponse, Failure> {
    let (viewer_id, user_id) = parse(&request)?;
    if caller.user_id().is_some_and(|caller_id| caller_id != viewer_id) {
        return Err(not_owned(&app.database, viewer_id).await?);
    }
    let sees_blockers = caller.user_id().is_none();
    let mut rows = relationships_find(&app.database, viewer_id, &[user_id], sees_blockers).await?;
    let row = rows
        .remove(&user_id.get())
        .ok_or_else(|| user_not_found(user_id))?;
    Ok(GetRelationshipResponse {
        relationship: Some(convert::relationship(viewer_id, row)),
    })
}

fn parse(request: &GetRelationshipRequest) -> Result<(UserId, UserId), Failure> {
    let mut violations = Violations::new();
    let viewer_id = violations.check("viewer_id", UserId::parse(request.viewer_id));
    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    viewer_id.zip(user_id).ok_or_else(|| violations.into_failure())
}
