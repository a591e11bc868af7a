use kith_contracts::messaging::v1::{GetMessagingSettingsRequest, GetMessagingSettingsResponse};
use kith_primitives::{Failure, UserCaller};

use super::convert;
use crate::App;
use crate::store::settings_find;

pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    _: GetMessagingSettingsRequest,
) -> Result<GetMessagingSettingsResponse, Failure> {
    let row = settings_find(&app.database, caller.user_id).await?;
    Ok(GetMessagingSettingsResponse {
        settings: Some(convert::settings(row)),
    })
}
