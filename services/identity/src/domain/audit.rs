//! What the audit log says.

use std::fmt;

use kith_primitives::{Caller, Context, ServiceCaller, ServiceId, UserId};

/// What happened. One for each of the contract's, without its prefix.
macro_rules! event_types {
    ($($name:ident = $text:literal,)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum AuditEventType {
            $(#[doc = $text] $name,)*
        }

        impl AuditEventType {
            /// All of them, in the contract's order.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// As the database has it, and the contract behind `AUDIT_EVENT_TYPE_`.
            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

event_types! {
    SignInFailed = "SIGN_IN_FAILED",
    PasswordChanged = "PASSWORD_CHANGED",
    SessionCreated = "SESSION_CREATED",
    SessionRevoked = "SESSION_REVOKED",
    RefreshTokenReused = "REFRESH_TOKEN_REUSED",
    SigningKeyRotated = "SIGNING_KEY_ROTATED",
    SigningKeyRemoved = "SIGNING_KEY_REMOVED",
    ServiceAccountCreated = "SERVICE_ACCOUNT_CREATED",
    ServiceSecretRotated = "SERVICE_SECRET_ROTATED",
    ServiceAccountRevoked = "SERVICE_ACCOUNT_REVOKED",
    UserDeactivated = "USER_DEACTIVATED",
    UserReactivated = "USER_REACTIVATED",
    UserDeleted = "USER_DELETED",
    SigningKeyPublished = "SIGNING_KEY_PUBLISHED",
    ServiceSignInFailed = "SERVICE_SIGN_IN_FAILED",
    AccountUpdated = "ACCOUNT_UPDATED",
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuditSubject {
    /// An account, with its sessions: whoever asks about an account wants to see its sign-ins too.
    User(UserId),
    /// A key, by its id.
    SigningKey(String),
    /// A service account.
    ServiceAccount(ServiceId),
    /// An account that does not exist.
    Nobody,
}

impl fmt::Display for AuditSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "users/{id}"),
            Self::SigningKey(id) => write!(f, "signingKeys/{id}"),
            Self::ServiceAccount(id) => write!(f, "serviceAccounts/{id}"),
            Self::Nobody => Ok(()),
        }
    }
}

/// Who acts, in the words of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Actor {
    /// `user:<id>` or `service:<id>`; empty when nobody is signed in, and for what the service does by itself.
    actor: String,
    /// The service that passed on the call, as `service:<id>`, or empty.
    service: String,
}

impl Actor {
    /// Whoever calls; `None` is somebody who is not signed in.
    pub(crate) fn of(caller: Option<&Caller>) -> Self {
        match caller {
            None => Self::default(),
            Some(Caller::User(user)) => Self::user(user.user_id, None),
            Some(Caller::Service(service)) => Self {
                actor: service_name(service),
                service: String::new(),
            },
            Some(Caller::ServiceForUser { user, service }) => Self::user(user.user_id, Some(service)),
        }
    }

    /// A user, whose call `service` passed on.
    pub(crate) fn user(user_id: UserId, service: Option<&ServiceCaller>) -> Self {
        Self {
            actor: format!("user:{user_id}"),
            ..Self::nobody(service)
        }
    }

    /// Somebody who is not signed in, and whose call `service` passed on.
    pub(crate) fn nobody(service: Option<&ServiceCaller>) -> Self {
        Self {
            actor: String::new(),
            service: service.map(service_name).unwrap_or_default(),
        }
    }
}

impl From<&Caller> for Actor {
    fn from(caller: &Caller) -> Self {
        Self::of(Some(caller))
    }
}

impl From<&ServiceCaller> for Actor {
    /// A service that calls as itself.
    fn from(service: &ServiceCaller) -> Self {
        Self {
            actor: service_name(service),
            service: String::new(),
        }
    }
}

fn service_name(service: &ServiceCaller) -> String {
    format!("service:{}", service.service_id)
}

/// Something that happened and must be known later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditEvent {
    pub(crate) event_type: AuditEventType,
    pub(crate) actor: String,
    pub(crate) service: String,
    pub(crate) subject: String,
    pub(crate) address: String,
    pub(crate) request_id: String,
    pub(crate) count: i64,
}

impl AuditEvent {
    /// What `actor` does to `subject` in the call that this task works for.
    pub(crate) fn new(event_type: AuditEventType, actor: impl Into<Actor>, subject: &AuditSubject) -> Self {
        let Actor { actor, service } = actor.into();
        let request_id = Context::current().map(|context| context.request_id.to_string());
        Self {
            event_type,
            actor,
            service,
            subject: subject.to_string(),
            address: Context::peer_address(),
            request_id: request_id.unwrap_or_default(),
            count: 1,
        }
    }

    /// The same, so many times.
    pub(crate) fn times(self, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self { count, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kith_contracts::identity::v1::AuditEventType as Contract;

    use kith_primitives::UserCaller;

    use super::*;

    #[test]
    fn types_are_those_of_the_contract() {
        let ours: Vec<String> = AuditEventType::ALL
            .iter()
            .map(|event_type| format!("AUDIT_EVENT_TYPE_{}", event_type.as_str()))
            .collect();
        let contract: Vec<&str> = (1..)
            .map_while(|number| Contract::try_from(number).ok())
            .map(|event_type| event_type.as_str_name())
            .collect();
        assert_eq!(ours, contract);
    }

    #[test]
    fn the_log_tells_who_acts_and_who_passed_it_on() {
        let user = UserCaller {
            user_id: UserId::from_database(7),
            session_id: "1".to_owned(),
        };
        let service = ServiceCaller {
            service_id: ServiceId::from_database(3),
            scopes: BTreeSet::new(),
        };
        let of = |caller: Caller| {
            let Actor { actor, service } = Actor::from(&caller);
            (actor, service)
        };
        let named = |actor: &str, service: &str| (actor.to_owned(), service.to_owned());
        assert_eq!(of(Caller::User(user.clone())), named("user:7", ""));
        assert_eq!(of(Caller::Service(service.clone())), named("service:3", ""));
        assert_eq!(
            of(Caller::ServiceForUser { user, service }),
            named("user:7", "service:3")
        );
    }
}
