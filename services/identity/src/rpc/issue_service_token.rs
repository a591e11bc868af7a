use std::time::SystemTime;

use kith_contracts::identity::v1::{IssueServiceTokenRequest, IssueServiceTokenResponse};
use kith_primitives::{Failure, Invalid, Reason, ServiceCaller, ServiceId, Violations, refuse_nul};
use kith_rpc::timestamp;
use kith_tokens::Subject;
use secrecy::ExposeSecret;

use super::convert;
use crate::App;
use crate::domain::{
    Actor, AuditEvent, AuditEventType, AuditSubject, NameKey, Origin, ServiceName, ServiceSecret,
};
use crate::store::{
    ServiceAccountRow, audit_event_count, service_account_prove, throttles_fill, throttles_take,
};

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID), the same for every cause; RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    service: Option<ServiceCaller>,
    request: IssueServiceTokenRequest,
) -> Result<IssueServiceTokenResponse, Failure> {
    let (origin, name_key) = (
        Origin::of(service.as_ref()),
        NameKey::of("service", &request.name),
    );
    let (name, secret) = parse(request)?;
    let buckets = app.throttles.service_sign_in(origin, &name_key);
    throttles_take(&app.database, &buckets).await?;
    let issuer = app.keys.issuer()?;
    // Taken before the account is looked at: so even a token that is signed while its account is revoked ends within 60
    // minutes of that.
    let issued_at = SystemTime::now();
    let row = match service_account_prove(&app.database, name.as_ref(), &secret).await? {
        Some((row, true)) => row,
        other => {
            let account = other.map(|(row, _)| row);
            return Err(refuse(app, service.as_ref(), account).await);
        }
    };
    let failures = app.throttles.sign_in_pair(origin, &name_key);
    throttles_fill(&app.database, failures.as_slice()).await?;
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

/// Counts a failed attempt, and then refuses it.
async fn refuse(app: &App, service: Option<&ServiceCaller>, account: Option<ServiceAccountRow>) -> Failure {
    let subject = account.map_or(AuditSubject::Nobody, |row| {
        AuditSubject::ServiceAccount(ServiceId::from_database(row.id))
    });
    let event = AuditEvent::new(
        AuditEventType::ServiceSignInFailed,
        Actor::nobody(service),
        &subject,
    );
    match audit_event_count(&app.database, &event).await {
        Ok(()) => refused(),
        Err(failure) => failure,
    }
}

fn refused() -> Failure {
    Failure::new(
        Reason::CredentialsInvalid,
        "name and secret do not belong together",
    )
}
