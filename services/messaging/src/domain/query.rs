use kith_primitives::{Invalid, Reason, char_count, refuse_nul};

const MAX: usize = 200;

/// What is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query(String);

impl Query {
    /// 1 to 200 characters, not only white space.
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_nul(text)?;
        if char_count(text) > MAX {
            return Err(Invalid::new(
                Reason::FieldTooLong,
                "must have at most 200 characters",
            ));
        }
        if text.chars().all(char::is_whitespace) {
            return Err(Invalid::new(
                Reason::FieldRequired,
                "must have more than white space",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_something_to_find_and_is_short() {
        let refused = |text: &str| Query::parse(text).map_err(|invalid| invalid.reason);
        assert!(Query::parse(&"\u{e9}".repeat(200)).is_ok());
        assert_eq!(refused(&"x".repeat(201)), Err(Reason::FieldTooLong));
        assert_eq!(refused(" \u{a0}"), Err(Reason::FieldRequired));
        assert_eq!(refused("\0"), Err(Reason::FieldContainsNul));
    }
}
