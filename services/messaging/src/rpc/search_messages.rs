use kith_contracts::messaging::v1::{SearchMessagesRequest, SearchMessagesResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: SearchMessagesRequest,
) -> Result<SearchMessagesResponse, Failure> {
    unbuilt()
}
