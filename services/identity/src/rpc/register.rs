use kith_contracts::identity::v1::{RegisterRequest, RegisterResponse};
use kith_primitives::{Failure, ServiceCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::{Email, Origin, Password, PersonName, Username};
use crate::store::{NewAccount, account_create, throttles_take};

/// INVALID_ARGUMENT; ALREADY_EXISTS (USERNAME_TAKEN, EMAIL_TAKEN); RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    service: Option<ServiceCaller>,
    request: RegisterRequest,
) -> Result<RegisterResponse, Failure> {
    let (account, password) = parse(&request)?;
    let origin = Origin::of(service.as_ref());
    throttles_take(&app.database, &app.throttles.register(origin)).await?;
    let password_hash = app.passwords.hash(password).await?;
    let row = account_create(&app.database, &account, &password_hash).await?;
    Ok(RegisterResponse {
        account: Some(convert::account(row)),
    })
}

fn parse(request: &RegisterRequest) -> Result<(NewAccount, Password), Failure> {
    let mut violations = Violations::new();
    let username = violations.check("username", Username::parse(&request.username));
    let email = violations.check("email", Email::parse_optional(&request.email));
    let password = violations.check("password", Password::parse(&request.password));
    let first_name = violations.check("first_name", PersonName::parse_first(&request.first_name));
    let last_name = violations.check("last_name", PersonName::parse_last(&request.last_name));
    match (username, email, password, first_name, last_name) {
        (Some(username), Some(email), Some(password), Some(first_name), Some(last_name)) => Ok((
            NewAccount {
                username,
                email,
                first_name,
                last_name,
            },
            password,
        )),
        _ => Err(violations.into_failure()),
    }
}
