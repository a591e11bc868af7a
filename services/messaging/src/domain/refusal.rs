//! Why one user may not write to another: the decision is the write's own statement's, and this is what it becomes.

use kith_primitives::{Failure, UserId};
use kith_rules::identity::user_inactive;
use kith_rules::interaction_not_allowed;
use kith_rules::messaging::no_such_user;

/// Why a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    ActorMissing,
    PeerMissing,
    ActorInactive,
    PeerInactive,
    /// By a block or a setting; nobody learns by which.
    NotAllowed,
}

impl Refusal {
    /// Of what the statement says.
    pub(crate) fn from_database(text: &str) -> Option<Self> {
        match text {
            "actor_missing" => Some(Self::ActorMissing),
            "peer_missing" => Some(Self::PeerMissing),
            "actor_inactive" => Some(Self::ActorInactive),
            "peer_inactive" => Some(Self::PeerInactive),
            "not_allowed" => Some(Self::NotAllowed),
            _ => None,
        }
    }

    /// What the caller is told, for a write by `actor_id` to `peer_id`.
    pub(crate) fn failure(self, actor_id: UserId, peer_id: UserId) -> Failure {
        match self {
            Self::ActorMissing => no_such_user(actor_id, peer_id).failure(),
            Self::PeerMissing => no_such_user(peer_id, actor_id).failure(),
            Self::ActorInactive => user_inactive(actor_id),
            Self::PeerInactive => user_inactive(peer_id),
            Self::NotAllowed => interaction_not_allowed(),
        }
    }
}
