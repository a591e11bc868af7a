use kith_contracts::identity::v1::{ChangePasswordRequest, ChangePasswordResponse};
use kith_primitives::{Failure, UserCaller, Violations, refuse_nul};
use secrecy::SecretString;

use super::authenticate::refused;
use super::convert::current_session;
use crate::App;
use crate::domain::Password;
use crate::store::{credential_of, credential_update};

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: ChangePasswordRequest,
) -> Result<ChangePasswordResponse, Failure> {
    let (old, new) = parse(request)?;
    let credential = credential_of(&app.database, caller.user_id).await?;
    let hash = credential
        .as_ref()
        .map(|credential| credential.password_hash.clone());
    let verified = app.passwords.verify(hash, old).await?;
    let credential = credential.filter(|_| verified).ok_or_else(refused)?;
    let hash = app.passwords.hash(new).await?;
    let revoked = credential_update(&app.database, &credential, &hash, current_session(&caller)).await?;
    let revoked = revoked.ok_or_else(refused)?;
    Ok(ChangePasswordResponse {
        revoked_sessions: i64::try_from(revoked).unwrap_or(i64::MAX),
    })
}

fn parse(request: ChangePasswordRequest) -> Result<(SecretString, Password), Failure> {
    let mut violations = Violations::new();
    let old = violations.check("old_password", refuse_nul(&request.old_password));
    let new = violations.check("new_password", Password::parse(&request.new_password));
    match (old, new) {
        (Some(()), Some(new)) => Ok((request.old_password.into(), new)),
        _ => Err(violations.into_failure()),
    }
}
