//! Who may reply to, like, share or mention whom: what social-graph's CheckInteraction foretells.

use kith_primitives::{Failure, UserId};
use kith_rules::identity::{user_inactive, user_not_found};
use kith_rules::interaction_not_allowed;

/// Somebody who acts and the one whose post it is, or who is mentioned, as the write's own statement saw them. The two may be
/// the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parties {
    pub(crate) actor_id: UserId,
    /// `None` when there is no such user.
    pub(crate) actor_active: Option<bool>,
    pub(crate) target_id: UserId,
    /// `None` when there is no such user.
    pub(crate) target_active: Option<bool>,
    /// In either direction.
    pub(crate) is_blocked: bool,
}

/// Why the one may not, if so.
pub(crate) fn decide(parties: Parties) -> Result<(), Failure> {
    let both = [
        (parties.actor_id, parties.actor_active),
        (parties.target_id, parties.target_active),
    ];
    for (id, active) in both {
        if active.is_none() {
            return Err(user_not_found(id));
        }
    }
    for (id, active) in both {
        if active == Some(false) {
            return Err(user_inactive(id));
        }
    }
    if parties.is_blocked {
        return Err(interaction_not_allowed());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kith_primitives::Reason;

    use super::*;

    fn reason(actor_active: Option<bool>, target_active: Option<bool>, is_blocked: bool) -> Option<Reason> {
        let parties = Parties {
            actor_id: UserId::from_database(1),
            actor_active,
            target_id: UserId::from_database(2),
            target_active,
            is_blocked,
        };
        decide(parties).err().map(|failure| failure.reason())
    }

    #[test]
    fn the_first_of_missing_inactive_and_blocked_is_told() {
        let (active, inactive) = (Some(true), Some(false));
        assert_eq!(reason(active, active, false), None);
        assert_eq!(reason(active, active, true), Some(Reason::InteractionNotAllowed));
        for (actor, target) in [(active, inactive), (inactive, active), (inactive, inactive)] {
            assert_eq!(reason(actor, target, true), Some(Reason::UserInactive));
        }
        for (actor, target) in [(None, inactive), (inactive, None), (None, None)] {
            assert_eq!(reason(actor, target, true), Some(Reason::UserNotFound));
        }
    }
}
