use kith_contracts::identity::v1::{RotateServiceSecretRequest, RotateServiceSecretResponse};
use kith_primitives::{Failure, ServiceCaller, ServiceId, Violations};

use super::convert;
use crate::App;
use crate::domain::ServiceSecret;
use crate::store::service_secret_rotate;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (SERVICE_ACCOUNT_NOT_FOUND); FAILED_PRECONDITION (SERVICE_ACCOUNT_REVOKED).
pub(super) async fn call(
    app: &App,
    caller: ServiceCaller,
    request: RotateServiceSecretRequest,
) -> Result<RotateServiceSecretResponse, Failure> {
    let id = Violations::only("service_account_id", ServiceId::parse(request.service_account_id))?;
    let secret = ServiceSecret::random()?;
    let row = service_secret_rotate(&app.database, &caller, id, &secret).await?;
    Ok(RotateServiceSecretResponse {
        service_account: Some(convert::service_account(row)),
        secret: secret.reveal(),
    })
}
