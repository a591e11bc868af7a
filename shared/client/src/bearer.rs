//! An access token that the caller has.

use std::fmt;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::ClientError;

/// An access token, ready to be sent with every call. `Debug` does not show it.
#[derive(Clone)]
pub struct BearerToken(HeaderValue);

impl BearerToken {
    /// For calls by the bearer of `token`.
    ///
    /// # Errors
    /// When the token is not ASCII, and so is none.
    pub fn new(token: &SecretString) -> Result<Self, ClientError> {
        let text = token.expose_secret();
        let value = HeaderValue::try_from(format!("Bearer {text}"));
        let mut value = value.ok().filter(|_| text.is_ascii()).ok_or(ClientError::Token)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

impl Interceptor for BearerToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let headers: &mut HeaderMap = request.metadata_mut().as_mut();
        headers.insert(AUTHORIZATION, self.header());
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let bearer = BearerToken::new(&SecretString::from("abc.def.ghi")).expect("ASCII");
        let shown = format!("{bearer:?} {:?}", bearer.header());
        assert!(!shown.contains("abc.def.ghi"), "{shown}");
    }

    #[test]
    fn what_is_not_ascii_is_no_token() {
        for text in ["tökén", "a\nb", "a\0b"] {
            assert!(BearerToken::new(&SecretString::from(text)).is_err(), "{text:?}");
        }
    }
}
