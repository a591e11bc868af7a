use kith_primitives::Position;

/// The place of a post in a walk in the order of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PostCursor(pub(crate) i64);

impl Position for PostCursor {
    fn to_bytes(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(i64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_eight_bytes_and_nothing_else() {
        for cursor in [PostCursor(i64::MIN), PostCursor(7), PostCursor(i64::MAX)] {
            assert_eq!(PostCursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        }
        assert_eq!(PostCursor::from_bytes(&[0; 7]), None);
        assert_eq!(PostCursor::from_bytes(&[0; 9]), None);
    }
}
