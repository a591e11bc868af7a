//! Who is what to whom. Those with a low index are the popular ones.

use std::collections::HashSet;

use super::Plan;
use crate::seed::random::{Purpose, Random};
use crate::seed::texts;
use crate::seed::words::messages::NOTES;

/// Half of the users follow so many or a few more, where there are enough of them; all of them 20 on the average.
const FOLLOWS: usize = 3;
/// A quarter follows twice as many, an eighth four times as many, and so on so many times.
const FOLLOW_OCTAVES: u32 = 7;
/// As many friends a user finds among those before it.
const FRIENDS: usize = 5;
/// How often a draw may meet somebody who was drawn before, until all are drawn alike.
const SKEWED_DRAWS: u32 = 8;

/// An open friend request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::seed) struct PlannedRequest {
    pub(in crate::seed) from: usize,
    pub(in crate::seed) to: usize,
    pub(in crate::seed) note: String,
}

impl Plan {
    /// How many users the one at `index` follows: by a power law.
    pub(in crate::seed) fn follows_count(&self, index: usize) -> usize {
        self.follows_drawn(&mut self.random(Purpose::Follows, index))
    }

    fn follows_drawn(&self, random: &mut Random) -> usize {
        let others = self.users() - 1;
        let least = FOLLOWS.min(others / 8).max(1) << random.heads(FOLLOW_OCTAVES);
        (least + random.below(least)).min(others)
    }

    /// Whom the user at `index` follows, the popular ones more likely.
    pub(in crate::seed) fn follows(&self, index: usize) -> Vec<usize> {
        let mut random = self.random(Purpose::Follows, index);
        let count = self.follows_drawn(&mut random);
        let but = HashSet::from([index]);
        distinct(count, self.users(), 3, but, &mut random)
    }

    /// How many friends the user at `index` has among those before it.
    pub(in crate::seed) fn friends_count(&self, index: usize) -> usize {
        FRIENDS.min((2 * index + 1) / 3)
    }

    /// The friends of the user at `index` among those before it, the popular ones more likely.
    pub(in crate::seed) fn friends(&self, index: usize) -> Vec<usize> {
        let mut random = self.random(Purpose::Friends, index);
        distinct(self.friends_count(index), index, 2, HashSet::new(), &mut random)
    }

    /// The open request between the user at `index` and one before it, if there is one.
    pub(in crate::seed) fn friend_request(&self, index: usize) -> Option<PlannedRequest> {
        let friends: HashSet<usize> = self.friends(index).into_iter().collect();
        if index % 8 == 3 || friends.len() >= index {
            return None;
        }
        let mut random = self.random(Purpose::FriendRequests, index);
        let [other] = distinct(1, index, 1, friends, &mut random)[..] else {
            return None;
        };
        let (from, to) = if random.once_in(2) {
            (index, other)
        } else {
            (other, index)
        };
        let note = texts::fill(random.pick(&NOTES), "", &mut random);
        Some(PlannedRequest { from, to, note })
    }
}

/// `count` different numbers below `bound`, and none of `but`; of which there must be enough. In the order that they were
/// drawn.
pub(super) fn distinct(
    count: usize,
    bound: usize,
    power: u32,
    but: HashSet<usize>,
    random: &mut Random,
) -> Vec<usize> {
    let (mut taken, mut drawn) = (but, Vec::with_capacity(count));
    while drawn.len() < count {
        let skewed = (0..SKEWED_DRAWS)
            .map(|_| random.skewed_below(bound, power))
            .find(|number| !taken.contains(number));
        let number = skewed.unwrap_or_else(|| next_free(random.below(bound), bound, &taken));
        taken.insert(number);
        drawn.push(number);
    }
    drawn
}

/// The first number from `from` on, round about, that is not taken.
fn next_free(from: usize, bound: usize, taken: &HashSet<usize>) -> usize {
    let round = (from..bound).chain(0..from);
    round
        .into_iter()
        .find(|number| !taken.contains(number))
        .unwrap_or(from)
}
