use kith_contracts::messaging::v1::{MarkReadRequest, MarkReadResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: UserCaller, _: MarkReadRequest) -> Result<MarkReadResponse, Failure> {
    unbuilt()
}
