//! The tokens of a user who has signed in.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use kith_contracts::identity::v1::{AuthenticateResponse, RefreshTokenRequest};
use secrecy::{ExposeSecret, SecretString};
use tonic::{Code, Request, Status};

use super::source::{Fetch, Fetched, Fetching, Source};
use crate::Channel;

/// How long identity may take.
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// The session of a user: its access token, renewed by RefreshToken as [`ServiceTokens`](crate::ServiceTokens) are. A
/// refresh token is exchanged once, however many calls wait for the answer. When identity refuses one, the session is
/// over, and every call that needs a token fails with that refusal.
///
/// Clones share the session. `Debug` shows no token.
#[derive(Clone)]
pub struct UserSession {
    source: Arc<Source>,
    refresh_token: RefreshToken,
}

type RefreshToken = Arc<Mutex<SecretString>>;

impl UserSession {
    /// The session that Authenticate began, kept up by identity at `identity`.
    ///
    /// # Errors
    /// When the answer has no access token.
    pub fn new(identity: &Channel, signed_in: AuthenticateResponse) -> Result<Self, Status> {
        let fetched = Fetched::new(signed_in.access_token, signed_in.expire_time)?;
        Ok(Self::of(identity, signed_in.refresh_token.into(), Some(fetched)))
    }

    /// A session that was kept by its refresh token alone.
    pub fn resumed(identity: &Channel, refresh_token: SecretString) -> Self {
        Self::of(identity, refresh_token, None)
    }

    fn of(identity: &Channel, refresh_token: SecretString, fetched: Option<Fetched>) -> Self {
        let refresh_token = Arc::new(Mutex::new(refresh_token));
        let exchange = Exchange {
            identity: IdentityServiceClient::new(identity.without_tokens()),
            refresh_token: Arc::clone(&refresh_token),
        };
        Self {
            source: Arc::new(Source::starting_with(fetched, exchange)),
            refresh_token,
        }
    }

    /// The refresh token that is good now, to be kept for [`UserSession::resumed`]. Each renewal gives another.
    pub fn refresh_token(&self) -> SecretString {
        self.refresh_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn source(&self) -> Arc<Source> {
        Arc::clone(&self.source)
    }
}

impl fmt::Debug for UserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSession(..)")
    }
}

struct Exchange {
    identity: IdentityServiceClient<Channel>,
    refresh_token: RefreshToken,
}

impl Fetch for Exchange {
    fn fetch(&self) -> Fetching {
        let mut identity = self.identity.clone();
        let kept = Arc::clone(&self.refresh_token);
        let used = kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request = Request::new(RefreshTokenRequest {
            refresh_token: used.expose_secret().to_owned(),
        });
        request.set_timeout(FETCH_WITHIN);
        Box::pin(async move {
            let answer = identity.refresh_token(request).await?.into_inner();
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = answer.refresh_token.into();
            Fetched::new(answer.access_token, answer.expire_time)
        })
    }

    /// Another call with a refused refresh token would be refused too, and count as reuse.
    fn is_over(&self, failure: &Status) -> bool {
        failure.code() == Code::Unauthenticated
    }
}
