//! Who calls in a test.

use kith_client::BearerToken;
use secrecy::SecretString;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Somebody who calls, with or without a token.
pub trait Caller {
    /// The access token, if any.
    fn token(&self) -> Option<&SecretString>;
}

/// A caller that is nothing but its token.
#[derive(Clone, Debug, Default)]
pub struct Bearer(pub Option<SecretString>);

impl Caller for Bearer {
    fn token(&self) -> Option<&SecretString> {
        self.0.as_ref()
    }
}

/// A user with a token of its own.
#[derive(Clone, Debug)]
pub struct TestUser {
    /// The user's id.
    pub id: i64,
    /// The user's name.
    pub username: String,
    pub(crate) token: SecretString,
}

impl Caller for TestUser {
    fn token(&self) -> Option<&SecretString> {
        Some(&self.token)
    }
}

/// Puts a caller's token into its calls.
#[derive(Clone, Debug)]
pub struct Credentials(Option<BearerToken>);

impl Credentials {
    /// Those of `caller`.
    pub fn of(caller: &impl Caller) -> Self {
        Self(
            caller
                .token()
                .map(|token| BearerToken::new(token).expect("a token is ASCII")),
        )
    }
}

impl Interceptor for Credentials {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        match &mut self.0 {
            Some(token) => token.call(request),
            None => Ok(request),
        }
    }
}
