use kith_contracts::messaging::v1::{ListSentMessagesRequest, ListSentMessagesResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListSentMessagesRequest,
) -> Result<ListSentMessagesResponse, Failure> {
    unbuilt()
}
