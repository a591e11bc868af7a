//! Who a token speaks of.

use std::time::Duration;

use kith_primitives::{ServiceCaller, ServiceId, UserCaller, UserId};

/// The subject of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A user in a session.
    User(UserCaller),
    /// An internal service with its scopes.
    Service(ServiceCaller),
}

impl Subject {
    /// How long a user's token lives.
    pub const USER_LIFETIME: Duration = Duration::from_secs(5 * 60);
    /// How long a service's token lives.
    pub const SERVICE_LIFETIME: Duration = Duration::from_secs(60 * 60);

    /// How long a token for this subject lives; none that claims to live longer is accepted.
    pub fn lifetime(&self) -> Duration {
        match self {
            Subject::User(_) => Self::USER_LIFETIME,
            Subject::Service(_) => Self::SERVICE_LIFETIME,
        }
    }

    /// The claim `sub`.
    pub(crate) fn sub(&self) -> String {
        match self {
            Subject::User(user) => format!("user:{}", user.user_id),
            Subject::Service(service) => format!("service:{}", service.service_id),
        }
    }

    /// The claim `sid`, which users have.
    pub(crate) fn sid(&self) -> Option<String> {
        match self {
            Subject::User(user) => Some(user.session_id.clone()),
            Subject::Service(_) => None,
        }
    }

    /// The claim `scope`, which services have, be it empty.
    pub(crate) fn scope(&self) -> Option<String> {
        match self {
            Subject::User(_) => None,
            Subject::Service(service) => Some(
                service
                    .scopes
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        }
    }

    /// Whether [`Subject::from_claims`] would read the same subject back: a session is named, and no scope is one
    /// that falls apart into several.
    pub(crate) fn is_sound(&self) -> bool {
        Self::from_claims(&self.sub(), self.sid(), self.scope()).as_ref() == Some(self)
    }

    /// Reads the three claims; `None` when they name nobody.
    pub(crate) fn from_claims(sub: &str, sid: Option<String>, scope: Option<String>) -> Option<Self> {
        let (kind, id) = sub.split_once(':')?;
        let id = id.parse().ok()?;
        let subject = match kind {
            "user" => Subject::User(UserCaller {
                user_id: UserId::parse(id).ok()?,
                session_id: sid.filter(|session_id| !session_id.is_empty())?,
            }),
            "service" => Subject::Service(ServiceCaller {
                service_id: ServiceId::parse(id).ok()?,
                scopes: scope?
                    .split(' ')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect(),
            }),
            _ => return None,
        };
        // Only the canonical spelling: `user:+7` and `user:07` are not user 7.
        (subject.sub() == sub).then_some(subject)
    }
}
