use kith_primitives::{Invalid, char_count, refuse_nul};
use kith_rules::social_graph::{FRIEND_REQUESTS_NOTE_LENGTH, NOTE_MAX};

/// What a friend request says; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note(String);

impl Note {
    /// At most 200 characters.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        if char_count(text) > NOTE_MAX {
            return Err(FRIEND_REQUESTS_NOTE_LENGTH.invalid());
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_at_most_two_hundred_characters_whatever_their_bytes() {
        for good in ["", " ", &"\u{e9}".repeat(200)] {
            assert_eq!(Note::parse(good).as_ref().map(Note::as_str), Ok(good));
        }
        let broken = Note::parse(&"x".repeat(201)).map_err(|invalid| invalid.constraint);
        assert_eq!(broken, Err(Some("social_graph_friend_requests_note_length")));
        assert!(Note::parse("a\0b").is_err());
    }
}
