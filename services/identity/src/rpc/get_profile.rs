use kith_contracts::identity::v1::{GetProfileRequest, GetProfileResponse};
use kith_primitives::{Caller, Failure, UserId, Violations};

use super::convert;
use crate::App;
use crate::store::profile_find;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: GetProfileRequest,
) -> Result<GetProfileResponse, Failure> {
    let user_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let row = profile_find(&app.database, user_id).await?;
    Ok(GetProfileResponse {
        profile: Some(convert::profile(row)),
    })
}
