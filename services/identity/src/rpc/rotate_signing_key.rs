use std::time::Instant;

use kith_contracts::identity::v1::{RotateSigningKeyRequest, RotateSigningKeyResponse};
use kith_primitives::{Failure, ServiceCaller};

use super::convert;
use crate::App;
use crate::store::signing_key_rotate;

/// FAILED_PRECONDITION (SIGNING_KEY_NOT_READY).
pub(super) async fn call(
    app: &App,
    caller: ServiceCaller,
    _: RotateSigningKeyRequest,
) -> Result<RotateSigningKeyResponse, Failure> {
    let keys = signing_key_rotate(&app.database, &caller, &app.keys.held()).await?;
    app.keys.adopt(keys.clone(), Instant::now());
    Ok(RotateSigningKeyResponse {
        keys: convert::signing_keys(keys),
    })
}
