use kith_primitives::{Cursor, Failure, Invalid, Position, Reason, Violations, char_count, refuse_nul};

const MAX: usize = 200;

/// What posts are searched for. Whether there are words in it, only the database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SearchQuery(String);

impl SearchQuery {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        match char_count(text) {
            0 => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
            length if length > MAX => Err(Invalid::new(
                Reason::FieldTooLong,
                "must have at most 200 characters",
            )),
            _ => Ok(Self(text.to_owned())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The failure of a search for nothing: the query has no word, or none that must be there.
pub(crate) fn nothing_to_look_for(has_words: bool) -> Failure {
    let invalid = if has_words {
        Invalid::new(Reason::FieldMalformed, "must have a word that has to be there")
    } else {
        Invalid::new(Reason::FieldRequired, "must have a word to look for")
    };
    let mut violations = Violations::new();
    violations.add("query", invalid);
    violations.into_failure()
}

/// The place of a post among those that match best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RankCursor {
    pub(crate) rank: f32,
    pub(crate) place: Cursor,
    /// The place of the newest post of the first page: later posts do not change what is looked at.
    pub(crate) newest: Cursor,
}

impl Position for RankCursor {
    fn to_bytes(&self) -> Vec<u8> {
        [
            self.rank.to_be_bytes().to_vec(),
            self.place.to_bytes(),
            self.newest.to_bytes(),
        ]
        .concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (rank, places) = bytes.split_at_checked(4)?;
        let (place, newest) = places.split_at_checked(16)?;
        Some(Self {
            rank: f32::from_be_bytes(rank.try_into().ok()?),
            place: Cursor::from_bytes(place)?,
            newest: Cursor::from_bytes(newest)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_1_to_200_characters() {
        let reason = |text: &str| SearchQuery::parse(text).err().map(|invalid| invalid.reason);
        assert_eq!(reason(""), Some(Reason::FieldRequired));
        assert_eq!(reason(&"\u{1f600}".repeat(200)), None);
        assert_eq!(reason(&"a".repeat(201)), Some(Reason::FieldTooLong));
        assert_eq!(reason("a\0"), Some(Reason::FieldContainsNul));
    }

    #[test]
    fn a_place_comes_back_from_its_bytes() {
        let cursor = |created_at_micros, key| Cursor {
            created_at_micros,
            key,
        };
        let place = RankCursor {
            rank: 0.1,
            place: cursor(1, 2),
            newest: cursor(3, 4),
        };
        let bytes = place.to_bytes();
        assert_eq!(RankCursor::from_bytes(&bytes), Some(place));
        for length in 0..bytes.len() {
            assert_eq!(RankCursor::from_bytes(&bytes[..length]), None, "{length}");
        }
    }
}
