use kith_primitives::Position;

/// The place of a message in its conversation, or of an edit among those of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeqCursor(pub(crate) i64);

impl Position for SeqCursor {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(i64::from_be_bytes(bytes.try_into().ok()?)))
    }
}
