//! The roles that services log in as.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;

/// A service's role: rights on its own schema, and on what other services publish to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The identity service.
    Identity,
    /// The social-graph service.
    SocialGraph,
    /// The posts service.
    Posts,
    /// The messaging service.
    Messaging,
}

impl Role {
    /// Every role there is, in the order in which the services come everywhere.
    pub const ALL: &'static [Role] = &[Role::Identity, Role::SocialGraph, Role::Posts, Role::Messaging];

    /// The name in the cluster, which all of its databases share.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Identity => "kith_identity",
            Role::SocialGraph => "kith_social_graph",
            Role::Posts => "kith_posts",
            Role::Messaging => "kith_messaging",
        }
    }

    /// The schema that is the role's own.
    pub const fn schema(self) -> &'static str {
        match self {
            Role::Identity => "identity",
            Role::SocialGraph => "social_graph",
            Role::Posts => "posts",
            Role::Messaging => "messaging",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The passwords to create roles with. A role without one cannot log in where the server asks for a password.
#[derive(Debug, Default)]
pub struct RolePasswords(BTreeMap<Role, SecretString>);

impl RolePasswords {
    /// No passwords, for servers that trust or that know callers otherwise.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds the password of `role`. It is used when the role is created, never to change an existing one.
    #[must_use]
    pub fn with(mut self, role: Role, password: SecretString) -> Self {
        self.0.insert(role, password);
        self
    }

    pub(crate) fn get(&self, role: Role) -> Option<&SecretString> {
        self.0.get(&role)
    }
}
