use kith_primitives::{Invalid, char_count, refuse_nul};
use kith_rules::Rule;

/// Takes a text that may be empty and has at most `max` characters.
pub(super) fn bounded(text: &str, max: usize, rule: &Rule) -> Result<String, Invalid> {
    refuse_nul(text)?;
    if char_count(text) > max {
        return Err(rule.invalid());
    }
    Ok(text.to_owned())
}
