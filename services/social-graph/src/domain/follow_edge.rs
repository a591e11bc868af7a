use kith_primitives::{Invalid, UserId};
use kith_rules::social_graph::FOLLOWS_NO_SELF_FOLLOW;

use super::{Action, Interaction};

/// Somebody who may follow somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FollowEdge {
    follower_id: UserId,
    followed_id: UserId,
}

impl FollowEdge {
    /// Nobody follows itself.
    pub(crate) fn new(follower_id: UserId, followed_id: UserId) -> Result<Self, Invalid> {
        if follower_id == followed_id {
            return Err(FOLLOWS_NO_SELF_FOLLOW.invalid());
        }
        Ok(Self {
            follower_id,
            followed_id,
        })
    }

    pub(crate) fn follower_id(self) -> UserId {
        self.follower_id
    }

    pub(crate) fn followed_id(self) -> UserId {
        self.followed_id
    }

    pub(crate) fn interaction(self) -> Interaction {
        Interaction {
            actor_id: self.follower_id,
            target_id: self.followed_id,
            action: Action::Follow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_follows_itself() {
        let (a, b) = (UserId::from_database(1), UserId::from_database(2));
        assert!(FollowEdge::new(a, b).is_ok());
        let broken = FollowEdge::new(a, a).map_err(|invalid| invalid.constraint);
        assert_eq!(broken, Err(Some("social_graph_follows_no_self_follow")));
    }
}
