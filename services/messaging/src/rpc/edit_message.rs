use kith_contracts::messaging::v1::{EditMessageRequest, EditMessageResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: EditMessageRequest,
) -> Result<EditMessageResponse, Failure> {
    unbuilt()
}
