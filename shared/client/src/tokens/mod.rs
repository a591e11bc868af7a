//! What proves who calls.

mod service;
mod session;
mod source;

use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use kith_primitives::Reason;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use self::source::Source;
use crate::BearerToken;

pub use self::service::ServiceTokens;
pub use self::session::UserSession;

/// Metadata key of a service's own token when it passes on the call of somebody else.
const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("x-kith-service-authorization");

/// Where the token of a call comes from: a [`BearerToken`] that there is, [`ServiceTokens`] or a [`UserSession`].
#[derive(Clone, Debug)]
pub struct TokenSource(Supply);

#[derive(Clone, Debug)]
enum Supply {
    Given(BearerToken),
    Renewed(Arc<Source>),
}

impl From<BearerToken> for TokenSource {
    fn from(token: BearerToken) -> Self {
        Self(Supply::Given(token))
    }
}

impl From<ServiceTokens> for TokenSource {
    fn from(tokens: ServiceTokens) -> Self {
        Self(Supply::Renewed(tokens.0))
    }
}

impl From<UserSession> for TokenSource {
    fn from(session: UserSession) -> Self {
        Self(Supply::Renewed(session.source()))
    }
}

impl TokenSource {
    async fn token(&self) -> Result<BearerToken, Status> {
        match &self.0 {
            Supply::Given(token) => Ok(token.clone()),
            Supply::Renewed(source) => source.token().await,
        }
    }
}

/// The tokens of a channel's calls.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens {
    /// Whose call it is.
    pub(crate) own: Option<TokenSource>,
    /// The service that passes the call on.
    pub(crate) service: Option<TokenSource>,
}

impl Tokens {
    fn by_header(&self) -> impl Iterator<Item = (HeaderName, &TokenSource)> {
        let headers = [(AUTHORIZATION, &self.own), (SERVICE_AUTHORIZATION, &self.service)];
        headers
            .into_iter()
            .filter_map(|(header, source)| Some((header, source.as_ref()?)))
    }

    /// Puts them into the headers of a call.
    ///
    /// # Errors
    /// Why there is no token.
    pub(crate) async fn put_into(&self, headers: &mut HeaderMap) -> Result<(), Status> {
        for (header, source) in self.by_header() {
            headers.insert(header, source.token().await?.header());
        }
        Ok(())
    }

    /// Whether another attempt would have a token in place of one in `headers`, which the server refused with
    /// `status`.
    pub(crate) fn renew(&self, headers: &HeaderMap, status: &Status) -> bool {
        let mut renewed = false;
        if is_refusal_of_token(status) {
            for (header, source) in self.by_header() {
                if let (Supply::Renewed(source), Some(used)) = (&source.0, headers.get(&header)) {
                    renewed |= source.refused(used);
                }
            }
        }
        renewed
    }
}

fn is_refusal_of_token(status: &Status) -> bool {
    let reasons = [Reason::TokenExpired.slug(), Reason::TokenInvalid.slug()];
    let info = (status.code() == Code::Unauthenticated)
        .then(|| status.get_details_error_info())
        .flatten();
    info.is_some_and(|info| info.domain == "kith" && reasons.contains(&info.reason.as_str()))
}
