use kith_contracts::messaging::v1::{MuteConversationRequest, MuteConversationResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: MuteConversationRequest,
) -> Result<MuteConversationResponse, Failure> {
    unbuilt()
}
