use kith_contracts::messaging::v1::{ListMessagesRequest, ListMessagesResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListMessagesRequest,
) -> Result<ListMessagesResponse, Failure> {
    unbuilt()
}
