use kith_contracts::messaging::v1::{MarkAllReadRequest, MarkAllReadResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: MarkAllReadRequest,
) -> Result<MarkAllReadResponse, Failure> {
    unbuilt()
}
