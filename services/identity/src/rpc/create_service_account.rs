use std::collections::BTreeSet;

use kith_contracts::identity::v1::{CreateServiceAccountRequest, CreateServiceAccountResponse};
use kith_primitives::{Failure, Reason, ServiceCaller, Violations, excerpt};

use super::convert;
use crate::App;
use crate::domain::{Scopes, ServiceName, ServiceSecret};
use crate::store::service_account_create;

/// INVALID_ARGUMENT; ALREADY_EXISTS (SERVICE_ACCOUNT_EXISTS).
///
/// The caller's own scopes do not bound those that it gives: `identity.services.manage` is the right to make an account
/// with any scope, and the contract says so.
pub(super) async fn call(
    app: &App,
    caller: ServiceCaller,
    request: CreateServiceAccountRequest,
) -> Result<CreateServiceAccountResponse, Failure> {
    let (name, scopes) = parse(&request, &app.scopes)?;
    let secret = ServiceSecret::random()?;
    let row = service_account_create(&app.database, &caller, &name, &scopes, &secret).await?;
    Ok(CreateServiceAccountResponse {
        service_account: Some(convert::service_account(row)),
        secret: secret.reveal(),
    })
}

fn parse(
    request: &CreateServiceAccountRequest,
    known: &BTreeSet<String>,
) -> Result<(ServiceName, Scopes), Failure> {
    let mut violations = Violations::new();
    let name = violations.check("name", ServiceName::parse(&request.name));
    let scopes = Scopes::parse("scopes", &request.scopes, known, &mut violations);
    match (name, scopes) {
        (Some(name), Some(scopes)) => Ok((name, scopes)),
        _ => Err(name_the_scope(violations.into_failure(), &request.scopes, known)),
    }
}

/// Where an unknown scope is the first that is wrong, says which.
fn name_the_scope(failure: Failure, scopes: &[String], known: &BTreeSet<String>) -> Failure {
    match scopes.iter().find(|scope| !known.contains(*scope)) {
        Some(scope) if failure.reason() == Reason::ScopeUnknown => {
            failure.with_metadata("scope", excerpt(scope))
        }
        _ => failure,
    }
}
