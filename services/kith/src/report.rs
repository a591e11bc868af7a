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

/// Rows with their columns below each other.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// A time to the second, in UTC; `-` for none.
pub(crate) fn second(time: Option<prost_types::Timestamp>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) => prost_types::Timestamp { nanos: 0, ..time }.to_string(),
    }
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
