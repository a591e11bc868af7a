//! What is said to the person at the terminal. Standard output has results alone; everything else goes to standard error.

use std::error::Error;
use std::fmt::Write as _;
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

/// An error with all that caused it, in one line each where they have one.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some errors repeat their cause.
        if !text.ends_with(&said) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {said}");
        }
        cause = error.source();
    }
    text
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

    #[test]
    fn a_cause_is_told_unless_the_error_repeats_it() {
        #[derive(Debug)]
        struct Outer(std::io::Error, &'static str);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.1)
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let told = |text| chain(&Outer(std::io::Error::other("no disk"), text));
        assert_eq!(
            (
                told("cannot save").as_str(),
                told("cannot save: no disk").as_str()
            ),
            ("cannot save: no disk", "cannot save: no disk")
        );
    }
}
