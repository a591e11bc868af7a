use kith_contracts::messaging::v1::{ListReceivedMessagesRequest, ListReceivedMessagesResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListReceivedMessagesRequest,
) -> Result<ListReceivedMessagesResponse, Failure> {
    unbuilt()
}
