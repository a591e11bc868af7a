//! The correlation id of a call.

use std::fmt;
use std::sync::Arc;

/// The id of one call, in its errors, the headers of its answer and its log lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The longest id that a caller may choose, in bytes.
    pub const MAX_LEN: usize = 64;

    /// A new random one.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// Takes the caller's id when it is 1 to 64 of `A-Z a-z 0-9 - _ .`: anything else could forge log lines.
    pub fn from_caller(id: &str) -> Option<Self> {
        let acceptable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        (!id.is_empty() && id.len() <= Self::MAX_LEN && id.bytes().all(acceptable)).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
