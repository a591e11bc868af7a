//! An error with everything behind it.

use std::error::Error;

/// The error and its whole chain of sources on one line: many errors say what is wrong in their sources alone. Those that
/// repeat their source in their own words are not told twice.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let said = source.to_string();
        if !text.ends_with(&said) {
            text += ": ";
            text += &said;
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self.1.as_deref()?)
        }
    }

    #[test]
    fn every_source_is_named_from_the_outside_in() {
        let disk = Layer("disk on fire", None);
        let file = Layer("cannot read", Some(Box::new(disk)));
        assert_eq!(
            chain(&Layer("no keys", Some(Box::new(file)))),
            "no keys: cannot read: disk on fire"
        );
    }

    #[test]
    fn what_an_error_repeats_of_its_source_is_told_once() {
        let disk = Layer("disk on fire", None);
        assert_eq!(
            chain(&Layer("cannot read: disk on fire", Some(Box::new(disk)))),
            "cannot read: disk on fire"
        );
    }
}
