use std::time::SystemTime;

use kith_contracts::identity::v1::{IssueServiceTokenRequest, IssueServiceTokenResponse};
use kith_primitives::{Failure, Invalid, Reason, ServiceCaller, ServiceId, Violations, refuse_nul};
use kith_rpc::timestamp;
use kith_tokens::Subject;
use secrecy::ExposeSecret;

use super::convert;
use crate::App;
use crate::domain::{ServiceName, ServiceSecret};
use crate::store::{ServiceAccountRow, service_account_prove};

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID), the same for every cause.
pub(super) async fn call(
    app: &App,
    request: IssueServiceTokenRequest,
) -> Result<IssueServiceTokenResponse, Failure> {
    let (name, secret) = parse(request)?;
    let issuer = app.keys.issuer()?;
    // Taken before the account is looked at: so even a token that is signed while its account is revoked ends within 60
    // minutes of that.
    let issued_at = SystemTime::now();
    let row = service_account_prove(&app.database, name.as_ref(), &secret)
        .await?
        .ok_or_else(refused)?;
    let issued = issuer
        .issue(&subject(&row), issued_at)
        .map_err(Failure::internal)?;
    Ok(IssueServiceTokenResponse {
        access_token: issued.token.expose_secret().to_owned(),
        expire_time: Some(timestamp(issued.expires_at.into())),
        service_account: Some(convert::service_account(row)),
    })
}

/// A name that breaks a rule is nobody's, and so no violation: it must look like every other unknown name.
fn parse(request: IssueServiceTokenRequest) -> Result<(Option<ServiceName>, ServiceSecret), Failure> {
    let name = match request.name.as_str() {
        "" => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
        name => refuse_nul(name).map(|()| ServiceName::parse(name).ok()),
    };
    let name = Violations::only("name", name)?;
    Ok((name, ServiceSecret::sent(request.secret)))
}

fn subject(row: &ServiceAccountRow) -> Subject {
    Subject::Service(ServiceCaller {
        service_id: ServiceId::from_database(row.id),
        scopes: row.scopes.iter().cloned().collect(),
    })
}

fn refused() -> Failure {
    Failure::new(
        Reason::CredentialsInvalid,
        "name and secret do not belong together",
    )
}
