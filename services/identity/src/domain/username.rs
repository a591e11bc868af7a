use kith_primitives::{Invalid, refuse_nul};
use kith_rules::identity::{
    USERNAME_MAX, USERS_USERNAME_CHARACTERS, USERS_USERNAME_LENGTH, USERS_USERNAME_REQUIRED,
};

use kith_rules::text::bounded;

/// A username as it was typed. Two that differ only in case are the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Username(String);

impl Username {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        // In the order of the constraints' names, in which PostgreSQL checks them too.
        refuse_nul(text)?;
        let allowed = |character: char| character.is_ascii_alphanumeric() || "@.+-_".contains(character);
        if !text.chars().all(allowed) {
            return Err(USERS_USERNAME_CHARACTERS.invalid());
        }
        let text = bounded(text, USERNAME_MAX, &USERS_USERNAME_LENGTH)?;
        if text.is_empty() {
            return Err(USERS_USERNAME_REQUIRED.invalid());
        }
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that uniqueness goes by: `lower(username COLLATE "C")`.
    pub(crate) fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Option<&'static str> {
        Username::parse(text).err().and_then(|invalid| invalid.constraint)
    }

    #[test]
    fn each_rule_is_named_by_its_constraint() {
        assert_eq!(broken(""), Some("identity_users_username_required"));
        assert_eq!(broken(&"a".repeat(151)), Some("identity_users_username_length"));
        for text in ["a b", "ä", "a\n", "a/b", "😀"] {
            assert_eq!(
                broken(text),
                Some("identity_users_username_characters"),
                "{text:?}"
            );
        }
    }

    #[test]
    fn every_allowed_character_and_the_full_length_pass() {
        assert!(Username::parse("Az09@.+-_").is_ok());
        assert!(Username::parse(&"a".repeat(150)).is_ok());
    }
}
