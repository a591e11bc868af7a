use kith_contracts::messaging::v1::{GetMessagingSettingsRequest, GetMessagingSettingsResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: GetMessagingSettingsRequest,
) -> Result<GetMessagingSettingsResponse, Failure> {
    unbuilt()
}
