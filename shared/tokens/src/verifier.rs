//! Verifying.

use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};

use crate::claims::{Claims, TOKEN_TYPE, unix_seconds};
use crate::{ProviderTaken, Subject, TokenError, VerifyingKeys, provider};

/// What a token proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Who sent it.
    pub subject: Subject,
    /// From this moment on it proves nothing; a whole second.
    pub expires_at: SystemTime,
}

/// Verifies the tokens of one deployment, without asking anybody.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    signature_only: Validation,
}

impl Verifier {
    /// The largest token that is looked at, in bytes; ours have about 500.
    pub const MAX_TOKEN_LEN: usize = 8 * 1024;

    /// How far the issuer's clock may be ahead of ours. It moves only the beginning of a token's life: the end has no
    /// leeway, so a token never lives longer than it says.
    pub const MAX_CLOCK_SKEW: Duration = Duration::from_secs(5);

    /// A verifier of tokens with exactly this `iss` and `aud`.
    ///
    /// # Errors
    /// [`ProviderTaken`] when this process has another provider of cryptography.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Result<Self, ProviderTaken> {
        provider::install()?;
        let (issuer, audience) = (issuer.into(), audience.into());
        Ok(Self {
            issuer,
            audience,
            signature_only: signature_only(),
        })
    }

    /// Verifies `token` (without `Bearer`) as of now.
    ///
    /// # Errors
    /// The first thing that is wrong with it; [`TokenError::Expired`] only when nothing else is.
    pub fn verify(&self, keys: &VerifyingKeys, token: &str) -> Result<Verified, TokenError> {
        self.verify_at(keys, token, SystemTime::now())
    }

    /// [`Verifier::verify`] as it is at `now`.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn verify_at(
        &self,
        keys: &VerifyingKeys,
        token: &str,
        now: SystemTime,
    ) -> Result<Verified, TokenError> {
        if token.len() > Self::MAX_TOKEN_LEN {
            return Err(TokenError::TooLarge);
        }
        let claims = self.signed_claims(keys, token)?;
        self.check_claims(claims, now)
    }

    fn signed_claims(&self, keys: &VerifyingKeys, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        check_header(&header)?;
        let key = header
            .kid
            .as_deref()
            .and_then(|key_id| keys.get(key_id))
            .ok_or(TokenError::KeyUnknown)?;
        let decoded = jsonwebtoken::decode(token, key, &self.signature_only);
        decoded
            .map(|token| token.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => TokenError::SignatureWrong,
                ErrorKind::Json(_) => TokenError::ClaimsMalformed,
                _ => TokenError::Malformed,
            })
    }

    fn check_claims(&self, claims: Claims, now: SystemTime) -> Result<Verified, TokenError> {
        if claims.iss != self.issuer {
            return Err(TokenError::IssuerWrong);
        }
        if claims.aud != self.audience {
            return Err(TokenError::AudienceWrong);
        }
        if claims.jti.is_empty() {
            return Err(TokenError::ClaimsMalformed);
        }
        let Claims { iat, exp, nbf, .. } = claims;
        let subject = Subject::from_claims(&claims.sub, claims.sid, claims.scope);
        let subject = subject.ok_or(TokenError::SubjectMalformed)?;
        if exp <= iat || exp - iat > subject.lifetime().as_secs() {
            return Err(TokenError::LifetimeWrong);
        }
        let now = unix_seconds(now).ok_or(TokenError::NotYetValid)?;
        if iat.max(nbf.unwrap_or(iat)) > now + Self::MAX_CLOCK_SKEW.as_secs() {
            return Err(TokenError::NotYetValid);
        }
        if exp <= now {
            return Err(TokenError::Expired);
        }
        Ok(Verified {
            subject,
            expires_at: SystemTime::UNIX_EPOCH + Duration::from_secs(exp),
        })
    }
}

/// Everything but the signature is checked here, not by the library: it would answer "expired" for a token that has
/// another audience too, and takes any `aud` list that ours is a member of.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_header(header: &Header) -> Result<(), TokenError> {
    if header.alg != Algorithm::EdDSA {
        return Err(TokenError::AlgorithmRefused);
    }
    if !header.typ.as_deref().is_some_and(is_token_type) {
        return Err(TokenError::TypeRefused);
    }
    if header.crit.is_some() {
        return Err(TokenError::ExtensionRefused);
    }
    Ok(())
}

/// RFC 9068, section 4: with or without `application/`; media types have no case.
fn is_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/").unwrap_or(&typ) == TOKEN_TYPE
}
