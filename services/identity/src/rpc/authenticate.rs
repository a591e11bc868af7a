use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{AuthenticateRequest, AuthenticateResponse};
use kith_primitives::{Failure, Invalid, Reason, UserId, Violations, refuse_nul};
use kith_rpc::timestamp;
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::convert;
use crate::App;
use crate::domain::{Email, Username};
use crate::store::{SignInName, UserRow, credential_find, user_find};

/// INVALID_ARGUMENT without identifier; UNAUTHENTICATED (CREDENTIALS_INVALID), the same for every cause.
pub(super) async fn call(app: &App, request: AuthenticateRequest) -> Result<AuthenticateResponse, Failure> {
    let (name, password) = parse(request)?;
    let credential = credential_find(&app.database, &name).await?;
    let (user_id, hash) = credential
        .map(|found| (found.user_id, found.password_hash))
        .unzip();
    let verified = app.passwords.verify(hash, password).await?;
    let user_id = user_id.filter(|_| verified).ok_or_else(refused)?;
    let user = still_active(app, user_id).await?;
    let issued = app
        .issuer
        .user(user_id, &Uuid::new_v4().to_string())
        .map_err(Failure::internal)?;
    Ok(AuthenticateResponse {
        access_token: issued.token.expose_secret().to_owned(),
        expire_time: Some(timestamp(issued.expires_at.into())),
        user: Some(convert::user(user)),
    })
}

/// Verifying takes its time, and the account may go or be deactivated meanwhile.
async fn still_active(app: &App, user_id: UserId) -> Result<UserRow, Failure> {
    match user_find(&app.database, user_id).await {
        Ok(user) if user.is_active => Ok(user),
        Ok(_) => Err(refused()),
        Err(failure) if failure.reason() == Reason::UserNotFound => Err(refused()),
        Err(failure) => Err(failure),
    }
}

/// A name that breaks a rule is nobody's, and so no violation: it must look like every other unknown name.
fn parse(request: AuthenticateRequest) -> Result<(SignInName, SecretString), Failure> {
    let mut violations = Violations::new();
    let name = match &request.identifier {
        None => Err(Invalid::new(
            Reason::FieldRequired,
            "must be a username or an email address",
        )),
        Some(Identifier::Username(text)) => {
            refuse_nul(text).map(|()| Username::parse(text).map_or(SignInName::Nobody, SignInName::Username))
        }
        Some(Identifier::Email(text)) => {
            refuse_nul(text).map(|()| Email::parse(text).map_or(SignInName::Nobody, SignInName::Email))
        }
    };
    let field = match request.identifier {
        None => "identifier",
        Some(Identifier::Username(_)) => "username",
        Some(Identifier::Email(_)) => "email",
    };
    let name = violations.check(field, name);
    let password = violations.check("password", refuse_nul(&request.password));
    match (name, password) {
        (Some(name), Some(())) => Ok((name, request.password.into())),
        _ => Err(violations.into_failure()),
    }
}

fn refused() -> Failure {
    Failure::new(
        Reason::CredentialsInvalid,
        "name and password do not belong together",
    )
}
