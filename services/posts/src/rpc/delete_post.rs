use std::time::Duration;

use kith_contracts::posts::v1::{DeletePostRequest, DeletePostResponse};
use kith_primitives::{Caller, Context, Failure, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::store::{post_delete, post_not_found};

/// How long a deletion may take, whatever its caller's deadline: what is beneath a post has no bound, and a deletion that is
/// broken off has to begin anew. 100,000 replies took 5 s on two busy cores.
const LIMIT: Duration = Duration::from_secs(600);

/// INVALID_ARGUMENT (ID_INVALID); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: DeletePostRequest,
) -> Result<DeletePostResponse, Failure> {
    let id = Violations::only("post_id", PostId::parse(request.post_id))?;
    let row = Context::at_least(LIMIT, post_delete(&app.database, user.user_id, id)).await?;
    if row.is_none() && !request.allow_missing {
        return Err(post_not_found(id));
    }
    Ok(DeletePostResponse {
        post: row.map(|row| convert::post(&caller, row)).transpose()?,
    })
}
