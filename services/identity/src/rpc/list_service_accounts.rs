use kith_contracts::identity::v1::{ListServiceAccountsRequest, ListServiceAccountsResponse};
use kith_primitives::{Failure, Reason, ServiceCaller};

use crate::App;

/// To be built.
#[expect(clippy::unused_async, reason = "to be built")]
pub(super) async fn call(
    _app: &App,
    _caller: ServiceCaller,
    _request: ListServiceAccountsRequest,
) -> Result<ListServiceAccountsResponse, Failure> {
    Err(Failure::new(Reason::MethodUnknown, "not built yet"))
}
