use kith_contracts::posts::v1::{SharePostRequest, SharePostResponse};
use kith_primitives::{Failure, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::Reaction;
use crate::store::reaction_create;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (POST_NOT_FOUND, USER_NOT_FOUND); FAILED_PRECONDITION (USER_INACTIVE);
/// PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS (SHARE_EXISTS) unless allow_existing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: SharePostRequest,
) -> Result<SharePostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    let (database, user_id) = (&app.database, caller.user_id);
    let reacted = reaction_create(database, Reaction::Share, user_id, id, request.allow_existing).await?;
    Ok(SharePostResponse {
        share: Some(convert::share(reacted.reaction)),
        existing: reacted.existing,
    })
}
