use kith_contracts::messaging::v1::{UnmuteConversationRequest, UnmuteConversationResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: UnmuteConversationRequest,
) -> Result<UnmuteConversationResponse, Failure> {
    unbuilt()
}
