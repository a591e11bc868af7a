use kith_contracts::posts::v1::{UnsharePostRequest, UnsharePostResponse};
use kith_primitives::{Failure, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::Reaction;
use crate::store::{reaction_delete, reaction_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (SHARE_NOT_FOUND) unless allow_missing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UnsharePostRequest,
) -> Result<UnsharePostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    match reaction_delete(&app.database, Reaction::Share, caller.user_id, id).await? {
        None if !request.allow_missing => Err(reaction_not_found(Reaction::Share, caller.user_id, id)),
        deleted => Ok(UnsharePostResponse {
            share: deleted.map(convert::share),
        }),
    }
}
