//! Signing.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, Header};
use kith_primitives::{ServiceCaller, ServiceId, UserCaller, UserId};
use secrecy::SecretString;

use crate::claims::{Claims, TOKEN_TYPE, unix_seconds};
use crate::{IssueError, ProviderTaken, SigningKey, Subject, provider};

/// A token, as it goes into an answer.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token itself: whoever holds it is its subject.
    pub token: SecretString,
    /// From this moment on it is refused; a whole second.
    pub expires_at: SystemTime,
}

/// Signs tokens for one deployment.
#[derive(Clone, Debug)]
pub struct Issuer {
    key: SigningKey,
    issuer: String,
    audience: String,
}

impl Issuer {
    /// An issuer that signs with `key`; `issuer` and `audience` become `iss` and `aud`.
    ///
    /// # Errors
    /// [`ProviderTaken`] when this process has another provider of cryptography.
    pub fn new(
        key: SigningKey,
        issuer: impl Into<String>,
        audience: impl Into<String>,
    ) -> Result<Self, ProviderTaken> {
        provider::install()?;
        Ok(Self {
            key,
            issuer: issuer.into(),
            audience: audience.into(),
        })
    }

    /// The same with another key.
    #[must_use]
    pub fn with_key(&self, key: SigningKey) -> Self {
        Self { key, ..self.clone() }
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// A token of 5 minutes for a user.
    ///
    /// # Errors
    /// [`IssueError`]; see [`Issuer::issue`].
    pub fn user(&self, user_id: UserId, session_id: &str) -> Result<IssuedToken, IssueError> {
        let caller = UserCaller {
            user_id,
            session_id: session_id.to_owned(),
        };
        self.issue(&Subject::User(caller), SystemTime::now())
    }

    /// A token of 60 minutes for an internal service.
    ///
    /// # Errors
    /// [`IssueError`]; see [`Issuer::issue`].
    pub fn service(
        &self,
        service_id: ServiceId,
        scopes: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<IssuedToken, IssueError> {
        let scopes: BTreeSet<String> = scopes.into_iter().map(Into::into).collect();
        self.issue(
            &Subject::Service(ServiceCaller { service_id, scopes }),
            SystemTime::now(),
        )
    }

    /// A token for `subject` that lives from `issued_at` on, as long as its sort does.
    ///
    /// # Errors
    /// [`IssueError::SubjectUnsound`] for an empty session id, an empty scope or one with a space in it;
    /// the others stand for defects.
    pub fn issue(&self, subject: &Subject, issued_at: SystemTime) -> Result<IssuedToken, IssueError> {
        if !subject.is_sound() {
            return Err(IssueError::SubjectUnsound);
        }
        let iat = unix_seconds(issued_at).ok_or(IssueError::Clock)?;
        let exp = iat + subject.lifetime().as_secs();
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: subject.sub(),
            jti: uuid::Uuid::new_v4().to_string(),
            iat,
            exp,
            nbf: None,
            sid: subject.sid(),
            scope: subject.scope(),
        };
        let token = jsonwebtoken::encode(&self.header(), &claims, self.key.encoding_key())?;
        Ok(IssuedToken {
            token: token.into(),
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(exp),
        })
    }

    fn header(&self) -> Header {
        Header {
            typ: Some(TOKEN_TYPE.to_owned()),
            kid: Some(self.key.key_id().to_owned()),
            ..Header::new(Algorithm::EdDSA)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        let key = SigningKey::generate().expect("random");
        Issuer::new(key, "https://kith.test", "kith").expect("our provider")
    }

    fn user(session_id: &str) -> Subject {
        Subject::User(UserCaller {
            user_id: UserId::from_database(7),
            session_id: session_id.to_owned(),
        })
    }

    fn service(scope: &str) -> Subject {
        let scopes = BTreeSet::from([scope.to_owned()]);
        Subject::Service(ServiceCaller {
            service_id: ServiceId::from_database(1),
            scopes,
        })
    }

    #[test]
    fn users_get_five_minutes_and_services_an_hour() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        let lifetime = |subject: &Subject| {
            let expires_at = issuer().issue(subject, now).expect("a token").expires_at;
            expires_at
                .duration_since(SystemTime::UNIX_EPOCH)
                .expect("after the epoch")
                .as_secs()
                - 1_700_000_000
        };
        assert_eq!((lifetime(&user("s")), lifetime(&service("a.b"))), (300, 3600));
    }

    #[test]
    fn a_scope_cannot_smuggle_in_another() {
        for scope in ["identity.users.read identity.users.import", " a", ""] {
            let refused = issuer().issue(&service(scope), SystemTime::now());
            assert!(matches!(refused, Err(IssueError::SubjectUnsound)), "{scope:?}");
        }
    }

    #[test]
    fn a_user_without_session_gets_no_token() {
        assert!(matches!(
            issuer().issue(&user(""), SystemTime::now()),
            Err(IssueError::SubjectUnsound)
        ));
    }

    #[test]
    fn debug_shows_neither_token_nor_key() {
        let issuer = issuer();
        let issued = issuer.issue(&user("s"), SystemTime::now()).expect("a token");
        assert!(format!("{issued:?}").contains("REDACTED"));
        assert!(!format!("{issuer:?}").contains("pkcs8"));
    }
}
