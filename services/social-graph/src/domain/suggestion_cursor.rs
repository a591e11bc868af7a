use kith_primitives::Position;

/// The place of a suggestion in the order of mutual friends, most of them first, then of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SuggestionCursor {
    pub(crate) mutual_friends: i64,
    pub(crate) user_id: i64,
}

impl Position for SuggestionCursor {
    fn to_bytes(&self) -> Vec<u8> {
        [self.mutual_friends.to_be_bytes(), self.user_id.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mutual_friends, user_id) = bytes.split_at_checked(8)?;
        Some(Self {
            mutual_friends: i64::from_be_bytes(mutual_friends.try_into().ok()?),
            user_id: i64::from_be_bytes(user_id.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_sixteen_bytes_and_nothing_else() {
        for (mutual_friends, user_id) in [(i64::MIN, i64::MAX), (7, 1), (i64::MAX, i64::MIN)] {
            let cursor = SuggestionCursor {
                mutual_friends,
                user_id,
            };
            assert_eq!(SuggestionCursor::from_bytes(&cursor.to_bytes()), Some(cursor));
        }
        for length in [0, 7, 15, 17] {
            assert_eq!(SuggestionCursor::from_bytes(&vec![0; length]), None);
        }
    }
}
