use kith_contracts::posts::v1::{RepairCountersRequest, RepairCountersResponse};
use kith_primitives::{Failure, ServiceCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: ServiceCaller,
    _: RepairCountersRequest,
) -> Result<RepairCountersResponse, Failure> {
    unbuilt()
}
