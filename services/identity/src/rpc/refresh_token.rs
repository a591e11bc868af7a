use kith_contracts::identity::v1::{RefreshTokenRequest, RefreshTokenResponse};
use kith_primitives::{Failure, Invalid, Reason, ServiceCaller, UserId, Violations};
use kith_rpc::timestamp;
use secrecy::ExposeSecret;

use crate::App;
use crate::domain::{Origin, RefreshSecret};
use crate::store::{NextToken, Refresh, refresh_token_exchange, refresh_token_session, throttles_take};

/// INVALID_ARGUMENT (FIELD_REQUIRED); UNAUTHENTICATED (REFRESH_TOKEN_INVALID, TOKEN_ALREADY_ROTATED,
/// REFRESH_TOKEN_REUSED); RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    service: Option<ServiceCaller>,
    request: RefreshTokenRequest,
) -> Result<RefreshTokenResponse, Failure> {
    let (sent, next) = (parse(request)?, RefreshSecret::random()?);
    let (origin, hash) = (Origin::of(service.as_ref()), sent.hash());
    let session = refresh_token_session(&app.database, &hash).await?;
    throttles_take(&app.database, &app.throttles.refresh(origin, session)).await?;
    let issuer = app.keys.issuer()?;
    let next_token = NextToken {
        hash: &next.hash(),
        lifetime: app.session_lifetime,
    };
    let exchange = refresh_token_exchange(&app.database, service.as_ref(), &hash, &next_token);
    let session = match exchange.await? {
        Refresh::Exchanged(session) => session,
        Refresh::Invalid => return Err(refused(Reason::RefreshTokenInvalid)),
        Refresh::AlreadyExchanged => return Err(refused(Reason::TokenAlreadyRotated)),
        Refresh::Reused => return Err(refused(Reason::RefreshTokenReused)),
    };
    let user_id = UserId::from_database(session.user_id);
    let issued = issuer
        .user(user_id, &session.id.to_string())
        .map_err(Failure::internal)?;
    Ok(RefreshTokenResponse {
        access_token: issued.token.expose_secret().to_owned(),
        expire_time: Some(timestamp(issued.expires_at.into())),
        refresh_token: next.reveal(),
        refresh_expire_time: Some(timestamp(session.expires_at)),
    })
}

fn parse(request: RefreshTokenRequest) -> Result<RefreshSecret, Failure> {
    let sent = match request.refresh_token.as_str() {
        "" => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
        _ => Ok(RefreshSecret::sent(request.refresh_token)),
    };
    Violations::only("refresh_token", sent)
}

fn refused(reason: Reason) -> Failure {
    let text = match reason {
        Reason::TokenAlreadyRotated => {
            "this refresh token was exchanged a moment ago; use the one that it gave"
        }
        Reason::RefreshTokenReused => {
            "this refresh token was exchanged before, so its session has been ended"
        }
        _ => "this refresh token is not good, or no longer; sign in again",
    };
    Failure::new(reason, text)
}
