use kith_primitives::{Invalid, Reason, char_count, refuse_nul};
use secrecy::SecretString;

/// A password that somebody chose. Its rules stand in no constraint, since the database never sees one.
#[derive(Clone, Debug)]
pub(crate) struct Password(SecretString);

impl Password {
    /// Fewest characters (NIST SP 800-63B asks for 8).
    pub(crate) const MIN: usize = 8;
    /// Most characters, so that hashing stays bounded.
    pub(crate) const MAX: usize = 256;

    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        match char_count(text) {
            0 => Err(Invalid::new(Reason::FieldRequired, "must not be empty")),
            length if length < Self::MIN => Err(Invalid::new(
                Reason::FieldTooShort,
                "must have at least 8 characters",
            )),
            length if length > Self::MAX => Err(Invalid::new(
                Reason::FieldTooLong,
                "must have at most 256 characters",
            )),
            _ => Ok(Self(text.into())),
        }
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters() {
        let reason = |text: String| {
            Password::parse(&text)
                .map(|_| ())
                .map_err(|invalid| invalid.reason)
        };
        assert_eq!(reason("ä".repeat(7)), Err(Reason::FieldTooShort));
        assert_eq!(reason("😀".repeat(8)), Ok(()));
        assert_eq!(reason("😀".repeat(256)), Ok(()));
        assert_eq!(reason("a".repeat(257)), Err(Reason::FieldTooLong));
        assert_eq!(reason(String::new()), Err(Reason::FieldRequired));
    }

    #[test]
    fn a_password_is_never_printed() {
        let password = Password::parse("correct horse").expect("a good password");
        assert!(!format!("{password:?}").contains("horse"));
    }
}
