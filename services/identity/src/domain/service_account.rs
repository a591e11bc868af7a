use std::collections::BTreeSet;

use kith_primitives::{Invalid, Reason, Violations, refuse_nul};
use kith_rules::identity::{
    SERVICE_ACCOUNT_NAME_MAX, SERVICE_ACCOUNT_SCOPES_MAX, SERVICE_ACCOUNTS_NAME_CHARACTERS,
    SERVICE_ACCOUNTS_NAME_LENGTH, SERVICE_ACCOUNTS_NAME_REQUIRED, SERVICE_ACCOUNTS_SCOPES_COUNT,
};

use kith_rules::text::bounded;

/// The name of a service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceName(String);

impl ServiceName {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        // In the order of the constraints' names, in which PostgreSQL checks them too.
        refuse_nul(text)?;
        let allowed = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '-');
        if !text.chars().all(allowed) {
            return Err(SERVICE_ACCOUNTS_NAME_CHARACTERS.invalid());
        }
        let text = bounded(text, SERVICE_ACCOUNT_NAME_MAX, &SERVICE_ACCOUNTS_NAME_LENGTH)?;
        if text.is_empty() {
            return Err(SERVICE_ACCOUNTS_NAME_REQUIRED.invalid());
        }
        Ok(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the tokens of a service account may do: known scopes, sorted, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// Takes the scopes of a request, in any order and as often as it likes. Each that is not `known` goes to
    /// `violations` with its place.
    pub(crate) fn parse(
        field: &str,
        scopes: &[String],
        known: &BTreeSet<String>,
        violations: &mut Violations,
    ) -> Option<Self> {
        // As they were sent: the bound is on the request too.
        if scopes.len() > SERVICE_ACCOUNT_SCOPES_MAX {
            violations.add(field, SERVICE_ACCOUNTS_SCOPES_COUNT.invalid());
            return None;
        }
        let places = scopes.iter().enumerate();
        let unknown: Vec<usize> = places
            .filter(|(_, scope)| !known.contains(*scope))
            .map(|(place, _)| place)
            .collect();
        for place in &unknown {
            let invalid = Invalid::new(Reason::ScopeUnknown, "is no scope that any method asks for");
            violations.add(format!("{field}[{place}]"), invalid);
        }
        let sorted: BTreeSet<&String> = scopes.iter().collect();
        unknown
            .is_empty()
            .then(|| Self(sorted.into_iter().cloned().collect()))
    }

    pub(crate) fn as_slice(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Option<&'static str> {
        ServiceName::parse(text)
            .err()
            .and_then(|invalid| invalid.constraint)
    }

    #[test]
    fn each_rule_of_a_name_is_named_by_its_constraint() {
        assert_eq!(broken(""), Some("identity_service_accounts_name_required"));
        assert_eq!(
            broken(&"a".repeat(101)),
            Some("identity_service_accounts_name_length")
        );
        for text in ["A", "a b", "a_b", "é", "a\n", "😀"] {
            assert_eq!(
                broken(text),
                Some("identity_service_accounts_name_characters"),
                "{text:?}"
            );
        }
        for text in [&"a".repeat(100), "azby-09", "-"] {
            assert_eq!(broken(text), None, "{text:?}");
        }
    }

    /// Parses against the scopes `a.b` and `c.d`.
    fn parse(scopes: &[&str]) -> Result<Vec<String>, Vec<(String, Reason)>> {
        let texts = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        let known = texts(&["a.b", "c.d"]).into_iter().collect();
        let mut violations = Violations::new();
        match Scopes::parse("scopes", &texts(scopes), &known, &mut violations) {
            Some(scopes) => Ok(scopes.0),
            None => Err(violations
                .into_failure()
                .violations()
                .iter()
                .map(|violation| (violation.field.clone(), violation.reason))
                .collect()),
        }
    }

    #[test]
    fn scopes_are_sorted_and_each_counts_once() {
        assert_eq!(
            parse(&["c.d", "a.b", "c.d"]),
            Ok(vec!["a.b".to_owned(), "c.d".to_owned()])
        );
        assert_eq!(parse(&[]), Ok(Vec::new()));
    }

    #[test]
    fn each_unknown_scope_is_named_by_its_place() {
        let unknown = |place: usize| (format!("scopes[{place}]"), Reason::ScopeUnknown);
        assert_eq!(
            parse(&["c.d", "", "a.b", "A.B", "a.b c.d"]),
            Err(vec![unknown(1), unknown(3), unknown(4)])
        );
    }

    #[test]
    fn more_than_fifty_are_refused_before_they_are_looked_at() {
        assert!(parse(&["a.b"; 50]).is_ok());
        assert_eq!(
            parse(&["x"; 51]),
            Err(vec![("scopes".to_owned(), Reason::BatchTooLarge)])
        );
    }
}
