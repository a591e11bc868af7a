//! Questions about text that PostgreSQL must answer in the same way, and text of callers that is given back to them.

use std::borrow::Cow;

use crate::{Invalid, Reason};

/// The length in Unicode characters (scalar values), as PostgreSQL's `char_length` counts in UTF8.
pub fn char_count(text: &str) -> usize {
    text.chars().count()
}

/// Refuses U+0000, which PostgreSQL's `text` cannot hold.
///
/// # Errors
/// [`Invalid`] when `text` has one.
pub fn refuse_nul(text: &str) -> Result<(), Invalid> {
    if text.contains('\0') {
        return Err(Invalid::new(
            Reason::FieldContainsNul,
            "must not contain the character U+0000",
        ));
    }
    Ok(())
}

/// The most characters of a caller's text that an error repeats.
const EXCERPT: usize = 100;

/// The beginning of a caller's text, for an error: up to 100 characters, with `...` where it was cut.
///
/// The trailers that carry an error have an upper bound, beyond which clients lose it altogether.
pub fn excerpt(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_has_a_hundred_characters_and_says_that_it_is_one() {
        let just = "\u{e4}".repeat(EXCERPT);
        assert_eq!(excerpt(&just), just);
        assert_eq!(excerpt(&format!("{just}x")), format!("{just}..."));
    }
}
