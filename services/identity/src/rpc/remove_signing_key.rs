use std::time::Instant;

use kith_contracts::identity::v1::{RemoveSigningKeyRequest, RemoveSigningKeyResponse};
use kith_primitives::{Failure, Invalid, Reason, ServiceCaller, Violations, refuse_nul};

use super::convert;
use crate::App;
use crate::store::signing_key_remove;

/// INVALID_ARGUMENT; NOT_FOUND (SIGNING_KEY_NOT_FOUND); FAILED_PRECONDITION (SIGNING_KEY_IN_USE, SIGNING_KEY_NOT_READY).
pub(super) async fn call(
    app: &App,
    caller: ServiceCaller,
    request: RemoveSigningKeyRequest,
) -> Result<RemoveSigningKeyResponse, Failure> {
    let key_id = parse(&request)?;
    let held = app.keys.held();
    let keys = signing_key_remove(&app.database, &caller, key_id, request.emergency, &held).await?;
    app.keys.adopt(keys.clone(), Instant::now());
    Ok(RemoveSigningKeyResponse {
        keys: convert::signing_keys(keys),
    })
}

fn parse(request: &RemoveSigningKeyRequest) -> Result<&str, Failure> {
    let key_id = match request.key_id.as_str() {
        "" => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
        key_id => refuse_nul(key_id).map(|()| key_id),
    };
    Violations::only("key_id", key_id)
}
