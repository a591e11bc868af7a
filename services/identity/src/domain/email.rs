use kith_primitives::{Invalid, refuse_nul};
use kith_rules::identity::{EMAIL_MAX, USERS_EMAIL_FORMAT, USERS_EMAIL_LENGTH};

use kith_rules::text::bounded;

/// An email address. Only its shape is checked: whether it exists, only a message to it can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// Empty means none.
    pub(crate) fn parse_optional(text: &str) -> Result<Option<Self>, Invalid> {
        if text.is_empty() {
            Ok(None)
        } else {
            Self::parse(text).map(Some)
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        // In the order of the constraints' names, in which PostgreSQL checks them too.
        refuse_nul(text)?;
        let acceptable = |part: &str| {
            let forbidden = |character: char| character == '@' || character <= ' ' || character == '\u{7f}';
            !part.is_empty() && !part.chars().any(forbidden)
        };
        match text.split_once('@') {
            Some((local, domain)) if acceptable(local) && acceptable(domain) => {
                bounded(text, EMAIL_MAX, &USERS_EMAIL_LENGTH).map(Self)
            }
            _ => Err(USERS_EMAIL_FORMAT.invalid()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The address that uniqueness goes by: `lower(email COLLATE "C")`.
    pub(crate) fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_and_no_white_space() {
        for text in [
            "a",
            "@",
            "a@",
            "@a",
            "a@b@c",
            "a b@c",
            "a@b\n",
            "a@b\u{7f}",
            "\ta@b",
        ] {
            assert_eq!(
                Email::parse(text).map_err(|invalid| invalid.constraint),
                Err(Some("identity_users_email_format")),
                "{text:?}"
            );
        }
        assert!(Email::parse("ä@exämple.org").is_ok());
    }

    #[test]
    fn the_bound_counts_characters() {
        let address = |length: usize| format!("{}@b", "ä".repeat(length - 2));
        assert!(Email::parse(&address(254)).is_ok());
        assert_eq!(
            Email::parse(&address(255)).map_err(|invalid| invalid.constraint),
            Err(Some("identity_users_email_length"))
        );
    }
}
