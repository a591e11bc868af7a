//! What is to be made: a pure function of the seed and the number of users, whatever ids the services give out. Everything is
//! known by its index, and computed when it is needed.

mod graph;
mod messages;
mod people;
mod posts;

pub(super) use self::graph::PlannedRequest;
pub(super) use self::messages::PlannedConversation;
pub(super) use self::people::Person;
pub(super) use self::posts::{Burst, PlannedPost};

use self::people::Names;
use super::random::{Purpose, Random};

/// What a plan is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) seed: u64,
    pub(crate) users: usize,
}

/// Everything that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    recipe: Recipe,
    names: Names,
    bursts: Vec<Burst>,
}

impl Plan {
    pub(super) fn of(recipe: Recipe) -> Self {
        Self {
            recipe,
            names: Names::of(recipe),
            bursts: posts::bursts(recipe),
        }
    }

    pub(super) fn recipe(&self) -> Recipe {
        self.recipe
    }

    pub(super) fn users(&self) -> usize {
        self.recipe.users
    }

    fn random(&self, purpose: Purpose, index: usize) -> Random {
        Random::new(self.recipe.seed, purpose, index)
    }

    /// The UUID of a request to make the thing with this index; another recipe has other ones.
    fn request_id(&self, purpose: Purpose, index: usize) -> String {
        let number = self.random(purpose, index).number();
        Random::new(number, purpose, self.users()).uuid()
    }
}

/// How many things the one at `index` of `len` has, where half of them have one, a quarter two, an eighth four, and so on up to
/// 2^`most`: as many in all for every seed, which only says where they are.
fn octaves(seed: u64, index: usize, len: usize, most: u32) -> usize {
    let first = Random::new(seed, Purpose::Likes, usize::MAX).below(len);
    let place = (index + first) % len.max(1) + 1;
    1 << place.trailing_zeros().min(most)
}

#[cfg(test)]
mod tests;
