//! The constraint catalogue: every rule that the database holds, with the error that breaking it gives.
//!
//! A rule over one schema holds twice: Rust parses it into types that cannot be wrong, and the database declares it
//! under a name. Both sides take their error from the [`Rule`] here, so the same broken rule gives the same status,
//! reason and metadata whichever side caught it. A test in `kith-schema` compares this catalogue with `pg_catalog`.
#![warn(missing_docs)]

pub mod duration;
pub mod identity;
pub mod messaging;
pub mod posts;
pub mod social_graph;
pub mod text;

use kith_primitives::{Failure, Invalid, Reason, Violations};

/// A rule that the database holds under the name of a constraint, a unique index or a trigger.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name, as the database reports it: `<schema>_<table>_<rule>`.
    pub constraint: &'static str,
    /// What it means to break the rule.
    pub breaks: Breaks,
}

/// What it means to break a rule.
#[derive(Debug, PartialEq, Eq)]
pub enum Breaks {
    /// A value of the request is not acceptable: INVALID_ARGUMENT.
    Value {
        /// The field that a request carries the value in.
        field: &'static str,
        /// Why it is refused.
        reason: Reason,
        /// The rule as a sentence that goes on from the field's name.
        description: &'static str,
    },
    /// What the request would create is there: ALREADY_EXISTS.
    Existing {
        /// Which of the reasons.
        reason: Reason,
        /// The protobuf message of what exists.
        resource: &'static str,
        /// A sentence for a person.
        message: &'static str,
    },
    /// What the request builds on is not there: NOT_FOUND.
    Missing {
        /// Which of the reasons.
        reason: Reason,
        /// The protobuf message of what is missing.
        resource: &'static str,
        /// A sentence for a person.
        message: &'static str,
    },
    /// A block, or what one of the users has set, forbids it: PERMISSION_DENIED, and nobody learns more, not even the rule's
    /// name.
    NotAllowed,
    /// No request can break it, so a break is a defect: INTERNAL.
    Never {
        /// Why no request can.
        because: &'static str,
    },
}

impl Rule {
    /// The broken rule as a parser says it, before the field's path in the request is known.
    pub fn invalid(&self) -> Invalid {
        match &self.breaks {
            Breaks::Value {
                reason, description, ..
            } => Invalid {
                reason: *reason,
                description: (*description).to_owned(),
                constraint: Some(self.constraint),
            },
            Breaks::Existing { reason, message, .. } | Breaks::Missing { reason, message, .. } => Invalid {
                reason: *reason,
                description: (*message).to_owned(),
                constraint: Some(self.constraint),
            },
            Breaks::NotAllowed => Invalid::new(Reason::InteractionNotAllowed, NOT_ALLOWED),
            Breaks::Never { because } => Invalid::new(Reason::Internal, *because),
        }
    }

    /// The broken rule as a failed call.
    pub fn failure(&self) -> Failure {
        match &self.breaks {
            Breaks::Value { field, .. } => {
                let mut violations = Violations::new();
                violations.add(*field, self.invalid());
                violations.into_failure()
            }
            Breaks::Existing {
                reason,
                resource,
                message,
            }
            | Breaks::Missing {
                reason,
                resource,
                message,
            } => Failure::new(*reason, *message)
                .with_metadata("constraint", self.constraint)
                .with_resource(resource, ""),
            Breaks::NotAllowed => interaction_not_allowed(),
            Breaks::Never { because } => {
                Failure::internal(format!("{} is broken, although {because}", self.constraint))
            }
        }
    }
}

const NOT_ALLOWED: &str = "these two users may not interact in this way";

/// The one failure of whatever a block, or what one of the users has set, forbids.
pub fn interaction_not_allowed() -> Failure {
    Failure::new(Reason::InteractionNotAllowed, NOT_ALLOWED)
}

/// Every rule of every schema.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        identity::RULES,
        social_graph::RULES,
        posts::RULES,
        messaging::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The rule that the database reports as `constraint`.
pub fn find(constraint: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.constraint == constraint)
}

/// A column that may not be NULL.
///
/// No request can set one to NULL, because every statement binds it from a type that is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredColumn {
    /// The schema.
    pub schema: &'static str,
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
}

/// Every column that may not be NULL, by schema, table and column.
pub fn required_columns() -> impl Iterator<Item = RequiredColumn> {
    [
        ("identity", identity::REQUIRED_COLUMNS),
        ("social_graph", social_graph::REQUIRED_COLUMNS),
        ("posts", posts::REQUIRED_COLUMNS),
        ("messaging", messaging::REQUIRED_COLUMNS),
    ]
    .into_iter()
    .flat_map(|(schema, tables)| {
        tables.iter().flat_map(move |(table, columns)| {
            columns.iter().map(move |column| RequiredColumn {
                schema,
                table,
                column,
            })
        })
    })
}

/// Declares the rules of a schema as constants, and `RULES` with all of them.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $constraint:literal: $breaks:expr;)*) => {
        $($(#[$doc])* pub static $name: $crate::Rule = $crate::Rule { constraint: $constraint, breaks: $breaks };)*

        /// Every rule of this schema.
        pub static RULES: &[&$crate::Rule] = &[$(&$name,)*];
    };
}
pub(crate) use rules;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_rules_share_a_name() {
        let names: BTreeSet<_> = all().map(|rule| rule.constraint).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn names_start_with_their_schema() {
        for (schema, rules) in [
            ("identity_", identity::RULES),
            ("social_graph_", social_graph::RULES),
            ("posts_", posts::RULES),
            ("messaging_", messaging::RULES),
        ] {
            for rule in rules {
                assert!(rule.constraint.starts_with(schema), "{}", rule.constraint);
            }
        }
    }

    #[test]
    fn a_broken_value_gives_the_same_failure_from_either_side() {
        let rule = &social_graph::FOLLOWS_NO_SELF_FOLLOW;
        let mut violations = Violations::new();
        violations.add("user_id", rule.invalid());
        let (parsed, declared) = (violations.into_failure(), rule.failure());
        assert_eq!(parsed.violations(), declared.violations());
        assert_eq!(
            (parsed.message(), parsed.metadata()),
            (declared.message(), declared.metadata())
        );
    }

    #[test]
    fn the_reason_fits_what_the_break_means() {
        use kith_primitives::Kind;
        for rule in all() {
            let expected = match rule.breaks {
                Breaks::Value { .. } => Kind::InvalidArgument,
                Breaks::Existing { .. } => Kind::AlreadyExists,
                Breaks::Missing { .. } => Kind::NotFound,
                Breaks::NotAllowed => Kind::PermissionDenied,
                Breaks::Never { .. } => Kind::Internal,
            };
            assert_eq!(rule.failure().kind(), expected, "{}", rule.constraint);
        }
    }

    #[test]
    fn what_is_not_allowed_does_not_say_by_which_rule() {
        let rules = all().filter(|rule| rule.breaks == Breaks::NotAllowed);
        let failures: Vec<_> = rules.map(Rule::failure).collect();
        assert!(failures.len() > 1);
        for failure in failures {
            assert_eq!(failure.message(), NOT_ALLOWED);
            assert!(failure.metadata().is_empty() && failure.resource().is_none());
        }
    }
}
