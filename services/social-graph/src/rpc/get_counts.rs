use kith_contracts::social_graph::v1::{Counts, GetCountsRequest, GetCountsResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use crate::App;
use crate::store::counts_find;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: GetCountsRequest,
) -> Result<GetCountsResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = counts_find(&app.database, user_id).await?;
    let counts = Counts {
        user_id: user_id.get(),
        followers_count: row.followers,
        following_count: row.following,
        friends_count: row.friends,
    };
    Ok(GetCountsResponse { counts: Some(counts) })
}
