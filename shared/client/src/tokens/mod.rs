//! What proves who calls.

mod service;
mod session;
mod source;

use std::sync::Arc;

use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
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

    /// Has the tokens in `headers` replaced that the server perhaps refused with `status`, for the next call.
    pub(crate) fn refused(&self, headers: &HeaderMap, status: &Status) {
        for (source, used) in self.perhaps_refused(headers, status) {
            source.refused(used);
        }
    }

    /// The same, and whether another attempt would have another token. Waits until that is known.
    pub(crate) async fn replaced(&self, headers: &HeaderMap, status: &Status) -> bool {
        let mut replaced = false;
        for (source, used) in self.perhaps_refused(headers, status) {
            replaced |= source.replaced(used).await;
        }
        replaced
    }

    fn perhaps_refused<'a>(
        &'a self,
        headers: &'a HeaderMap,
        status: &Status,
    ) -> impl Iterator<Item = (&'a Arc<Source>, &'a HeaderValue)> {
        let sources = is_refusal_of_token(status).then(|| self.by_header());
        sources
            .into_iter()
            .flatten()
            .filter_map(|(header, source)| match &source.0 {
                Supply::Renewed(source) => Some((source, headers.get(&header)?)),
                Supply::Given(_) => None,
            })
    }
}

fn is_refusal_of_token(status: &Status) -> bool {
    let reasons = [Reason::TokenExpired.slug(), Reason::TokenInvalid.slug()];
    let info = (status.code() == Code::Unauthenticated)
        .then(|| status.get_details_error_info())
        .flatten();
    info.is_some_and(|info| info.domain == "kith" && reasons.contains(&info.reason.as_str()))
}
