use kith_contracts::messaging::v1::{SendMessageRequest, SendMessageResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: SendMessageRequest,
) -> Result<SendMessageResponse, Failure> {
    unbuilt()
}
