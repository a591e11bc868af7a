use kith_contracts::messaging::v1::{ListConversationsRequest, ListConversationsResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListConversationsRequest,
) -> Result<ListConversationsResponse, Failure> {
    unbuilt()
}
