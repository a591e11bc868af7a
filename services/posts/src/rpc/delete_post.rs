use kith_contracts::posts::v1::{DeletePostRequest, DeletePostResponse};
use kith_primitives::{Caller, Failure, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{post_delete, post_not_found};

/// INVALID_ARGUMENT (ID_INVALID); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: DeletePostRequest,
) -> Result<DeletePostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    let row = post_delete(&app.database, user.user_id, id).await?;
    if row.is_none() && !request.allow_missing {
        return Err(post_not_found(id));
    }
    Ok(DeletePostResponse {
        post: row.map(|row| convert::post(&caller, row)).transpose()?,
    })
}
