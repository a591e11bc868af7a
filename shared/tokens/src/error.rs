//! What can go wrong with keys and tokens. No text here repeats any part of a token or a key.

use kith_primitives::{Failure, Reason};

/// Why a signing key cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not one PEM block `PRIVATE KEY`.
    #[error("not a PEM block `PRIVATE KEY` (unencrypted PKCS#8)")]
    NotPem,
    /// The block holds another sort of key, or a broken one.
    #[error("not an Ed25519 private key")]
    NotEd25519,
    /// The operating system has no random numbers.
    #[error("the operating system gave no random numbers")]
    NoRandomness,
}

/// Why a token cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The subject would not be read back as it is: no session, or a scope that is empty or has a space in it.
    #[error("the subject has no session, or a scope that is empty or has a space in it")]
    SubjectUnsound,
    /// The clock stands before 1970.
    #[error("the clock stands before 1970")]
    Clock,
    /// The signing itself failed.
    #[error("signing failed")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

/// Why a token proves nothing. Callers only learn [`TokenError::reason`]; the variant is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than any token has.
    #[error("the token is larger than {} bytes", crate::Verifier::MAX_TOKEN_LEN)]
    TooLarge,
    /// Not three base64url parts with a JSON header, or one with an algorithm that nobody knows (`none`).
    #[error("the token is no signed JWT")]
    Malformed,
    /// An algorithm other than EdDSA.
    #[error("the token is not signed with EdDSA")]
    AlgorithmRefused,
    /// `typ` is not `at+jwt`: a JWT, but no access token.
    #[error("the token is no access token (typ is not at+jwt)")]
    TypeRefused,
    /// A `crit` header; no extension is understood here.
    #[error("the token demands an extension (crit)")]
    ExtensionRefused,
    /// No `kid`, or one that is not in the set.
    #[error("the token's key is missing or unknown")]
    KeyUnknown,
    /// The key did not sign this.
    #[error("the signature is wrong")]
    SignatureWrong,
    /// A claim is missing, empty, given twice, or of the wrong type.
    #[error("the token's claims are not those of an access token")]
    ClaimsMalformed,
    /// Issued by somebody else.
    #[error("the token's issuer is another one")]
    IssuerWrong,
    /// Meant for somebody else.
    #[error("the token's audience is another one")]
    AudienceWrong,
    /// `sub` is neither a user nor a service, or a user without session.
    #[error("the token's subject is neither a user with a session nor a service")]
    SubjectMalformed,
    /// Lives longer than tokens of its sort do, or ends before it begins.
    #[error("the token's lifetime is not one that tokens have")]
    LifetimeWrong,
    /// From the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Everything is right, but its time has passed.
    #[error("the token has expired")]
    Expired,
}

impl TokenError {
    /// What the caller is told: `TokenExpired` only when nothing else is wrong, else `TokenInvalid`.
    pub fn reason(self) -> Reason {
        match self {
            TokenError::Expired => Reason::TokenExpired,
            TokenError::TooLarge
            | TokenError::Malformed
            | TokenError::AlgorithmRefused
            | TokenError::TypeRefused
            | TokenError::ExtensionRefused
            | TokenError::KeyUnknown
            | TokenError::SignatureWrong
            | TokenError::ClaimsMalformed
            | TokenError::IssuerWrong
            | TokenError::AudienceWrong
            | TokenError::SubjectMalformed
            | TokenError::LifetimeWrong
            | TokenError::NotYetValid => Reason::TokenInvalid,
        }
    }
}

impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let message = match error.reason() {
            Reason::TokenExpired => "the access token has expired",
            _ => "the access token is not valid",
        };
        Failure::new(error.reason(), message).with_cause(error)
    }
}
