use kith_contracts::messaging::v1::{GetConversationRequest, GetConversationResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: GetConversationRequest,
) -> Result<GetConversationResponse, Failure> {
    unbuilt()
}
