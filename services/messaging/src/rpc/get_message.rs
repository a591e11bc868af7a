use kith_contracts::messaging::v1::{GetMessageRequest, GetMessageResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: GetMessageRequest,
) -> Result<GetMessageResponse, Failure> {
    unbuilt()
}
