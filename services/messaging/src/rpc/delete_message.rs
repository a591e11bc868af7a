use kith_contracts::messaging::v1::{DeleteMessageRequest, DeleteMessageResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: DeleteMessageRequest,
) -> Result<DeleteMessageResponse, Failure> {
    unbuilt()
}
