use kith_contracts::identity::v1::{RevokeServiceAccountRequest, RevokeServiceAccountResponse};
use kith_primitives::{Failure, ServiceCaller, ServiceId, Violations};

use super::convert;
use crate::App;
use crate::store::service_account_revoke;

/// INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (SERVICE_ACCOUNT_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: ServiceCaller,
    request: RevokeServiceAccountRequest,
) -> Result<RevokeServiceAccountResponse, Failure> {
    let id = Violations::only("service_account_id", ServiceId::parse(request.service_account_id))?;
    let row = service_account_revoke(&app.database, &caller, id).await?;
    Ok(RevokeServiceAccountResponse {
        service_account: Some(convert::service_account(row)),
    })
}
