use kith_contracts::identity::v1::{RotateSigningKeyRequest, RotateSigningKeyResponse};
use kith_primitives::{Failure, Reason, ServiceCaller};

use crate::App;

/// To be built.
#[expect(clippy::unused_async, reason = "to be built")]
pub(super) async fn call(
    _app: &App,
    _caller: ServiceCaller,
    _request: RotateSigningKeyRequest,
) -> Result<RotateSigningKeyResponse, Failure> {
    Err(Failure::new(Reason::MethodUnknown, "not built yet"))
}
