use kith_contracts::identity::v1::{ChangePasswordRequest, ChangePasswordResponse};
use kith_primitives::{Caller, Failure, UserCaller, Violations, refuse_nul};
use secrecy::SecretString;

use super::authenticate::{refuse, refused};
use super::convert::current_session;
use crate::App;
use crate::domain::{AuditSubject, Origin, Password};
use crate::store::{credential_of, credential_update, throttles_fill, throttles_take};

/// INVALID_ARGUMENT; UNAUTHENTICATED (CREDENTIALS_INVALID); RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: ChangePasswordRequest,
) -> Result<ChangePasswordResponse, Failure> {
    let (old, new) = parse(request)?;
    let bucket = app
        .throttles
        .old_password(Origin::of(caller.service()), user.user_id);
    throttles_take(&app.database, bucket.as_slice()).await?;
    let credential = credential_of(&app.database, user.user_id).await?;
    let hash = credential
        .as_ref()
        .map(|credential| credential.password_hash.clone());
    let verified = app.passwords.verify(hash, old).await?;
    let Some(credential) = credential.filter(|_| verified) else {
        return Err(refuse(app, &caller, &AuditSubject::User(user.user_id)).await);
    };
    throttles_fill(&app.database, bucket.as_slice()).await?;
    let hash = app.passwords.hash(new).await?;
    let kept = current_session(&user);
    let revoked = credential_update(&app.database, &caller, &credential, &hash, kept)
        .await?
        .ok_or_else(refused)?;
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
