use std::time::Duration;

use kith_contracts::identity::v1::{DeleteUserRequest, DeleteUserResponse};
use kith_primitives::{Caller, Context, Failure, UserId, Violations};
use kith_rules::identity::user_not_found;

use super::convert;
use crate::App;
use crate::store::{not_owner, user_delete, user_exists};

/// How long a deletion may take, once it is its turn, whatever its caller's deadline: what hangs on an account has no bound, and
/// a deletion that is broken off has to begin anew. A million messages took 9 s on two busy cores.
const LIMIT: Duration = Duration::from_secs(600);

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND) unless allow_missing; PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: DeleteUserRequest,
) -> Result<DeleteUserResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    if caller.user().is_some_and(|user| user.user_id != user_id) {
        return not_own(app, user_id, request.allow_missing).await;
    }
    let _turn = app.deletions.take().await?;
    match Context::at_least(LIMIT, user_delete(&app.database, &caller, user_id)).await? {
        None if !request.allow_missing => Err(user_not_found(user_id)),
        deleted => Ok(DeleteUserResponse {
            user: deleted.map(convert::user),
        }),
    }
}

/// A user's wish to delete another one: refused, unless there is nobody to delete and that is allowed.
async fn not_own(app: &App, user_id: UserId, allow_missing: bool) -> Result<DeleteUserResponse, Failure> {
    match user_exists(&app.database, user_id).await? {
        true => Err(not_owner(user_id)),
        false if allow_missing => Ok(DeleteUserResponse { user: None }),
        false => Err(user_not_found(user_id)),
    }
}
