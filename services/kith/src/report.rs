//! What is said to the person at the terminal. Standard output has results alone; everything else goes to standard error.

use std::io::{Write as _, stderr, stdout};

use kith_rpc::process::AnyError;

/// A line about what is being done.
pub(crate) fn progress(line: &str) {
    // Nobody reads it any more: no reason to stop.
    let _ = writeln!(stderr(), "{line}");
}

/// A result.
pub(crate) fn result(text: &str) -> Result<(), AnyError> {
    let written = write!(stdout(), "{text}").and_then(|()| stdout().flush());
    written.map_err(|error| format!("cannot write the result: {error}").into())
}

/// 1234567 as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        let texts = [0, 999, 1000, 18_812, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "18,812", "1,234,567"]);
    }
}
