//! Access tokens: JWTs (RFC 9068) signed with Ed25519 and nothing else.
//!
//! `identity` signs them with an [`Issuer`]; every service verifies them offline with a [`Verifier`] and the
//! [`VerifyingKeys`] that it keeps in [`SharedKeys`]. A user's token lives 5 minutes, a service's 60.
#![warn(missing_docs)]

mod claims;
mod error;
mod issuer;
mod keys;
mod provider;
mod signing_key;
mod signing_keys;
mod subject;
mod verifier;

pub use error::{IssueError, KeyError, TokenError};
pub use issuer::{IssuedToken, Issuer};
pub use keys::{SharedKeys, VerifyingKeys};
pub use provider::ProviderTaken;
pub use signing_key::SigningKey;
pub use signing_keys::SigningKeys;
pub use subject::Subject;
pub use verifier::{Verified, Verifier};
