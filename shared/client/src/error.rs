//! Why there is no channel.

use std::error::Error;
use std::path::PathBuf;

/// What is wrong with what a [`Builder`](crate::Builder) was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No address that a service could be at.
    #[error("the address {address:?} {problem}")]
    Address {
        /// What was given.
        address: String,
        /// The rest of a sentence that begins with the address.
        problem: &'static str,
    },
    /// A token with characters that no token has.
    #[error("the access token is not printable ASCII")]
    Token,
    /// A server name that no certificate can have.
    #[error("{0:?} is no name that a certificate could have")]
    ServerName(String),
    /// The operating system gave no certificates to trust.
    #[error("the operating system has no certificates to trust, and no file with some was named")]
    NoRoots,
    /// A certificate without its key, or a key without its certificate.
    #[error("a client certificate and its key are given together or not at all")]
    HalfIdentity,
    /// A file that holds no good certificates, or no good key.
    #[error("cannot use {}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}
