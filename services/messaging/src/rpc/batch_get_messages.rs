use kith_contracts::messaging::v1::{BatchGetMessagesRequest, BatchGetMessagesResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: BatchGetMessagesRequest,
) -> Result<BatchGetMessagesResponse, Failure> {
    unbuilt()
}
