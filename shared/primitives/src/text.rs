//! Questions about text that PostgreSQL must answer in the same way.

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
