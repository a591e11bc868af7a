use kith_contracts::posts::v1::{GetPostRequest, GetPostResponse};
use kith_primitives::{Caller, Failure, PostId, Violations};

use super::convert;
use crate::App;
use crate::store::{post_find, post_not_found};

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: GetPostRequest,
) -> Result<GetPostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    let row = post_find(&app.database, caller.user_id(), id).await?;
    let row = row.ok_or_else(|| post_not_found(id))?;
    Ok(GetPostResponse {
        post: Some(convert::post(&caller, row)?),
    })
}
