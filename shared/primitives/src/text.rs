//! Questions about text that PostgreSQL must answer in the same way.

/// The length in Unicode characters (scalar values), as PostgreSQL's `char_length` counts in UTF8.
pub fn char_count(text: &str) -> usize {
    text.chars().count()
}

/// Whether `text` has U+0000, which PostgreSQL's `text` cannot hold.
pub fn contains_nul(text: &str) -> bool {
    text.contains('\0')
}
