use kith_contracts::identity::v1::authenticate_request::Identifier;
use kith_contracts::identity::v1::{AuthenticateRequest, AuthenticateResponse};
use kith_primitives::{Context, Failure, Invalid, Reason, Violations, refuse_nul};
use kith_rpc::timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::convert;
use crate::App;
use crate::domain::{DeviceLabel, Email, RefreshSecret, Username};
use crate::store::{NewSession, SignInName, credential_find, session_create};

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID), the same for every cause.
pub(super) async fn call(app: &App, request: AuthenticateRequest) -> Result<AuthenticateResponse, Failure> {
    let (name, password, device_label) = parse(request)?;
    let issuer = app.keys.issuer()?;
    let credential = credential_find(&app.database, &name).await?;
    let hash = credential.as_ref().map(|found| found.password_hash.clone());
    let verified = app.passwords.verify(hash, password).await?;
    let credential = credential.filter(|_| verified).ok_or_else(refused)?;
    let refresh = RefreshSecret::random()?;
    let new = NewSession {
        device_label: &device_label,
        address: &Context::peer_address(),
        token_hash: &refresh.hash(),
        lifetime: app.session_lifetime,
    };
    // Verifying takes its time, and the account may have gone, or got another password, meanwhile.
    let (session, user) = session_create(&app.database, &credential, &new)
        .await?
        .ok_or_else(refused)?;
    let issued = issuer
        .user(credential.user_id, &session.id.to_string())
        .map_err(Failure::internal)?;
    Ok(AuthenticateResponse {
        access_token: issued.token.expose_secret().to_owned(),
        expire_time: Some(timestamp(issued.expires_at.into())),
        user: Some(convert::user(user)),
        refresh_token: refresh.reveal(),
        refresh_expire_time: Some(timestamp(session.expires_at)),
    })
}

/// A name that breaks a rule is nobody's, and so no violation: it must look like every other unknown name.
fn parse(request: AuthenticateRequest) -> Result<(SignInName, SecretString, DeviceLabel), Failure> {
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
    let device_label = violations.check("device_label", DeviceLabel::parse(&request.device_label));
    match (name, password, device_label) {
        (Some(name), Some(()), Some(device_label)) => Ok((name, request.password.into(), device_label)),
        _ => Err(violations.into_failure()),
    }
}

pub(super) fn refused() -> Failure {
    Failure::new(
        Reason::CredentialsInvalid,
        "name and password do not belong together",
    )
}
