use kith_primitives::{Invalid, UserId};
use kith_rules::Rule;

use super::{Action, Interaction};

/// Two different users, of whom the one does something to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Pair {
    one: UserId,
    other: UserId,
}

impl Pair {
    /// Nobody does it to itself, says `rule`.
    pub(crate) fn new(one: UserId, other: UserId, rule: &Rule) -> Result<Self, Invalid> {
        if one == other {
            return Err(rule.invalid());
        }
        Ok(Self { one, other })
    }

    pub(crate) fn one(self) -> UserId {
        self.one
    }

    pub(crate) fn other(self) -> UserId {
        self.other
    }

    /// The one asks the other for friendship.
    pub(crate) fn request(self) -> Interaction {
        Interaction {
            actor_id: self.one,
            target_id: self.other,
            action: Action::Befriend,
        }
    }

    /// The two in the order of their ids, whoever does it.
    pub(crate) fn unordered(self) -> (i64, i64) {
        let (one, other) = (self.one.get(), self.other.get());
        (one.min(other), one.max(other))
    }
}

#[cfg(test)]
mod tests {
    use kith_rules::social_graph::BLOCKS_NO_SELF_BLOCK;

    use super::*;

    fn pair(one: i64, other: i64) -> Result<Pair, Invalid> {
        let id = UserId::from_database;
        Pair::new(id(one), id(other), &BLOCKS_NO_SELF_BLOCK)
    }

    #[test]
    fn the_two_are_different() {
        let broken = pair(7, 7).map_err(|invalid| invalid.constraint);
        assert_eq!(broken, Err(Some("social_graph_blocks_no_self_block")));
    }

    #[test]
    fn both_orders_are_one_pair() {
        let unordered = |one, other| pair(one, other).map(Pair::unordered);
        assert_eq!(unordered(7, 2), Ok((2, 7)));
        assert_eq!(unordered(2, 7), Ok((2, 7)));
    }
}
