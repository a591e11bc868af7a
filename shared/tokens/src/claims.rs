//! The payload of a token.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// `typ` of an access token (RFC 9068, section 2.1).
pub(crate) const TOKEN_TYPE: &str = "at+jwt";

/// Every claim that Kith writes or reads; others are ignored, as RFC 7519 asks for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    /// One value. RFC 7519 also knows a list; each of its members could replay the token to the others.
    pub(crate) aud: String,
    pub(crate) sub: String,
    pub(crate) jti: String,
    /// Whole seconds since the Unix epoch, as `exp` and `nbf`.
    pub(crate) iat: u64,
    pub(crate) exp: u64,
    /// Never written, honoured when it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
}

/// Whole seconds since the Unix epoch, rounded down; `None` before it.
pub(crate) fn unix_seconds(time: SystemTime) -> Option<u64> {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .map(|since| since.as_secs())
}
