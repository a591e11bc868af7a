use kith_contracts::posts::v1::{VerifyCountersRequest, VerifyCountersResponse};
use kith_primitives::{Failure, ServiceCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: ServiceCaller,
    _: VerifyCountersRequest,
) -> Result<VerifyCountersResponse, Failure> {
    unbuilt()
}
