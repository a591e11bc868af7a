use kith_primitives::{Invalid, Reason, char_count, refuse_nul};
use kith_rules::posts::HASHTAG_MAX;

use super::entities::topic;

/// What a hashtag names, in lower case and composed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic(String);

impl Topic {
    /// Takes a tag with or without its `#`, in any case.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        let tag = text.strip_prefix('#').unwrap_or(text);
        match char_count(tag) {
            0 => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
            length if length > HASHTAG_MAX => Err(Invalid::new(
                Reason::FieldTooLong,
                "must have at most 100 characters",
            )),
            _ => topic(tag).map(Self).ok_or_else(|| {
                Invalid::new(
                    Reason::FieldMalformed,
                    "must be letters with their marks, digits or `_`, and not digits alone",
                )
            }),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_taken_with_its_sign_or_without_and_in_any_case() {
        for text in ["Ünder_1", "#ünder_1", "ÜNDER_1"] {
            assert_eq!(
                Topic::parse(text).as_ref().map(Topic::as_str),
                Ok("ünder_1"),
                "{text}"
            );
        }
        assert!(Topic::parse(&format!("#{}", "é".repeat(100))).is_ok());
    }

    #[test]
    fn what_no_post_can_name_is_refused() {
        let reason = |text: &str| Topic::parse(text).err().map(|invalid| invalid.reason);
        assert_eq!(reason(""), Some(Reason::FieldRequired));
        assert_eq!(reason("#"), Some(Reason::FieldRequired));
        assert_eq!(reason("a\0"), Some(Reason::FieldContainsNul));
        assert_eq!(reason(&"é".repeat(101)), Some(Reason::FieldTooLong));
        for text in ["2026", "##a", "a b", "a-b", "a#"] {
            assert_eq!(reason(text), Some(Reason::FieldMalformed), "{text}");
        }
    }
}
