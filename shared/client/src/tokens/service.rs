//! A service's own tokens.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kith_contracts::identity::v1::IssueServiceTokenRequest;
use kith_contracts::identity::v1::identity_service_client::IdentityServiceClient;
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Status};

use super::source::{Fetch, Fetched, Fetching, Source};
use crate::Channel;

/// How long identity may take.
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// The tokens of a service account, fetched by its name and secret: one at the first call, the next when three
/// quarters of its life are over, each once for all calls. While identity is away the old one stays in use as long as
/// it is good. One that a server refuses is replaced at once, and does for other calls until then.
///
/// Clones share their tokens. `Debug` shows no secret.
#[derive(Clone)]
pub struct ServiceTokens(pub(super) Arc<Source>);

impl ServiceTokens {
    /// For the account `name`, whose `secret` CreateServiceAccount gave, from identity at `identity`.
    pub fn new(identity: &Channel, name: impl Into<String>, secret: SecretString) -> Self {
        Self(Arc::new(Source::new(Account {
            identity: IdentityServiceClient::new(identity.without_tokens()),
            name: name.into(),
            secret,
        })))
    }
}

impl fmt::Debug for ServiceTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceTokens(..)")
    }
}

struct Account {
    identity: IdentityServiceClient<Channel>,
    name: String,
    secret: SecretString,
}

impl Fetch for Account {
    fn fetch(&self) -> Fetching {
        let mut identity = self.identity.clone();
        let mut request = Request::new(IssueServiceTokenRequest {
            name: self.name.clone(),
            secret: self.secret.expose_secret().to_owned(),
        });
        request.set_timeout(FETCH_WITHIN);
        Box::pin(async move {
            let answer = identity.issue_service_token(request).await?.into_inner();
            Fetched::new(answer.access_token, answer.expire_time)
        })
    }

    /// A secret that is refused may be made good again by whoever changed it.
    fn is_over(&self, _: &Status) -> bool {
        false
    }
}
