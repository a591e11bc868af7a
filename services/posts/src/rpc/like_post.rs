use kith_contracts::posts::v1::{LikePostRequest, LikePostResponse};
use kith_primitives::{Failure, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::Reaction;
use crate::store::reaction_create;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (POST_NOT_FOUND, USER_NOT_FOUND); FAILED_PRECONDITION (USER_INACTIVE);
/// PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS (LIKE_EXISTS) unless allow_existing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: LikePostRequest,
) -> Result<LikePostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    let (database, user_id) = (&app.database, caller.user_id);
    let reacted = reaction_create(database, Reaction::Like, user_id, id, request.allow_existing).await?;
    Ok(LikePostResponse {
        like: Some(convert::like(reacted.reaction)),
        existing: reacted.existing,
    })
}
