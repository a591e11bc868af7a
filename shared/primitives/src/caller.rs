//! Who calls, as proven by tokens and nothing else.

use std::collections::BTreeSet;

use crate::{ServiceId, UserId};

/// A person, proven by a user's access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCaller {
    /// The user.
    pub user_id: UserId,
    /// The session that the token belongs to (`sid`).
    pub session_id: String,
}

/// An internal service, proven by a service token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCaller {
    /// The service account.
    pub service_id: ServiceId,
    /// What it may do, by name, for example `identity.users.import`.
    pub scopes: BTreeSet<String>,
}

/// Whoever calls: a user, a service, or a service on behalf of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user by itself.
    User(UserCaller),
    /// A service by itself.
    Service(ServiceCaller),
    /// A service that passes on a user's call; both tokens came with it.
    ServiceForUser {
        /// The user, from `authorization`.
        user: UserCaller,
        /// The service, from `x-kith-service-authorization`.
        service: ServiceCaller,
    },
}

impl Caller {
    /// The user who acts, if one does.
    pub fn user(&self) -> Option<&UserCaller> {
        match self {
            Caller::User(user) | Caller::ServiceForUser { user, .. } => Some(user),
            Caller::Service(_) => None,
        }
    }

    /// The id of the user who acts; `None` when a service calls as itself.
    pub fn user_id(&self) -> Option<UserId> {
        self.user().map(|user| user.user_id)
    }

    /// The service, if one is involved.
    pub fn service(&self) -> Option<&ServiceCaller> {
        match self {
            Caller::Service(service) | Caller::ServiceForUser { service, .. } => Some(service),
            Caller::User(_) => None,
        }
    }

    /// Whether a service calls as itself and has `scope`. A service that acts for a user has the user's rights only.
    pub fn operates_with(&self, scope: &str) -> bool {
        matches!(self, Caller::Service(service) if service.scopes.contains(scope))
    }
}
