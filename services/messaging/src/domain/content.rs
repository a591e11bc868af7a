use kith_primitives::Invalid;
use kith_rules::messaging::{CONTENT_MAX, MESSAGES_CONTENT_LENGTH, MESSAGES_CONTENT_NOT_BLANK};
use kith_rules::text::not_blank;

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content(String);

impl Content {
    /// 1 to 4,000 characters, not only white space.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        not_blank(
            text,
            CONTENT_MAX,
            &MESSAGES_CONTENT_LENGTH,
            &MESSAGES_CONTENT_NOT_BLANK,
        )
        .map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_up_to_four_thousand_characters_whatever_their_bytes() {
        let broken = |text: &str| Content::parse(text).map_err(|invalid| invalid.constraint);
        assert!(Content::parse(&"\u{1f600}".repeat(4000)).is_ok());
        assert_eq!(
            broken(&"x".repeat(4001)),
            Err(Some("messaging_messages_content_length"))
        );
        for blank in ["", " \t\u{2003}"] {
            assert_eq!(broken(blank), Err(Some("messaging_messages_content_not_blank")));
        }
        assert_eq!(broken("a\0b"), Err(None));
    }
}
