//! Etags (AIP-154), made from a row's version.

use crate::{Failure, Invalid, Reason};

/// The version of a resource as callers see it: opaque to them, equal exactly when the version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Etag(i64);

impl Etag {
    /// The etag of a row's `version`.
    pub const fn of_version(version: i64) -> Self {
        Self(version)
    }

    /// Reads an etag of a request; empty means that the caller does not ask for a check.
    ///
    /// # Errors
    /// [`Invalid`] when it is nothing that this server ever gave out.
    pub fn parse(etag: &str) -> Result<Option<Self>, Invalid> {
        if etag.is_empty() {
            return Ok(None);
        }
        let version = etag.strip_prefix('v').and_then(|digits| digits.parse().ok());
        match version {
            Some(version) if Self(version).to_wire() == etag => Ok(Some(Self(version))),
            _ => Err(Invalid::new(
                Reason::FieldMalformed,
                "must be an etag that a read or write answered",
            )),
        }
    }

    /// The version to compare with the row's.
    pub const fn version(self) -> i64 {
        self.0
    }

    /// The text for the wire.
    pub fn to_wire(self) -> String {
        format!("v{}", self.0)
    }

    /// The failure of a write whose etag is not the row's.
    pub fn mismatch() -> Failure {
        Failure::new(
            Reason::EtagMismatch,
            "the resource has changed since this etag was read; read it again",
        )
    }
}
