use kith_contracts::messaging::v1::{UpdateMessagingSettingsRequest, UpdateMessagingSettingsResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: UpdateMessagingSettingsRequest,
) -> Result<UpdateMessagingSettingsResponse, Failure> {
    unbuilt()
}
