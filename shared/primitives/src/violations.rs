//! Broken rules of a request, collected so that the caller sees all of them at once.

use std::collections::BTreeMap;

use crate::{Failure, Reason};

/// A value that breaks a rule, before anybody knows which field it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Why it is refused; its kind is always `InvalidArgument`.
    pub reason: Reason,
    /// The rule as a sentence, for example `must have at most 150 characters`.
    pub description: String,
    /// The database constraint that holds the same rule, if one does.
    pub constraint: Option<&'static str>,
}

impl Invalid {
    /// A broken rule that Rust alone holds.
    pub fn new(reason: Reason, description: impl Into<String>) -> Self {
        Self {
            reason,
            description: description.into(),
            constraint: None,
        }
    }
}

/// A field of a request that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field in the request, for example `profile.avatar_url` or `users[3].username`.
    pub field: String,
    /// Why it is refused.
    pub reason: Reason,
    /// The rule as a sentence.
    pub description: String,
    /// The database constraint that holds the same rule, if one does.
    pub constraint: Option<&'static str>,
}

impl Violation {
    /// The metadata of `ErrorInfo` when this violation is the first.
    pub fn metadata(&self) -> BTreeMap<&'static str, String> {
        self.constraint
            .iter()
            .map(|name| ("constraint", (*name).to_owned()))
            .collect()
    }
}

/// Collects violations in field order.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn add(&mut self, field: impl Into<String>, invalid: Invalid) {
        let Invalid {
            reason,
            description,
            constraint,
        } = invalid;
        self.0.push(Violation {
            field: field.into(),
            reason,
            description,
            constraint,
        });
    }

    /// Takes the value out of `parsed`, or remembers what is wrong with `field`.
    pub fn check<T, E: Into<Invalid>>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, error.into());
                None
            }
        }
    }

    /// Takes the value of a request's only parsed field.
    ///
    /// # Errors
    /// The failure that says what is wrong with `field`.
    pub fn only<T, E: Into<Invalid>>(field: &str, parsed: Result<T, E>) -> Result<T, Failure> {
        let mut violations = Self::new();
        violations
            .check(field, parsed)
            .ok_or_else(|| violations.into_failure())
    }

    /// Whether nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The failure that carries them all.
    pub fn into_failure(self) -> Failure {
        Failure::invalid(self.0)
    }
}
