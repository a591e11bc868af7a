//! Numbers that look random and are the same for the same seed, on every machine and in every version: whole numbers alone,
//! by an algorithm that stands here.

/// The steps of `SplitMix64`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// What numbers are drawn for. Each has a sequence of its own, so that more of one changes nothing of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Names = 1,
    Profiles = 2,
    Follows = 3,
    Friends = 4,
    FriendRequests = 5,
    Bursts = 6,
    Posts = 7,
    PostIds = 8,
    Likes = 9,
    Conversations = 10,
    MessageIds = 11,
}

/// A sequence of numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The sequence for `purpose`, of the thing with this index.
    pub(super) fn new(seed: u64, purpose: Purpose, index: usize) -> Self {
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        Self(mix(mix(mix(seed) ^ purpose as u64) ^ index))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// One of 0 to `bound` - 1, each as likely as the other; 0 for a bound of 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        scaled(self.number(), bound)
    }

    /// One of 0 to `bound` - 1, the lower ones more likely: what is drawn how often follows a power law, with an exponent of
    /// 1 + `power` / (`power` - 1).
    pub(super) fn skewed_below(&mut self, bound: usize, power: u32) -> usize {
        let fraction = self.number();
        let powered = (1..power).fold(fraction, |product, _| high_half(product, fraction));
        scaled(powered, bound)
    }

    /// How often a coin shows heads before it shows tails; at most `most` times.
    pub(super) fn heads(&mut self, most: u32) -> u32 {
        self.number().trailing_ones().min(most)
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `items`; the default for none.
    pub(super) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        items.get(self.below(items.len())).copied().unwrap_or_default()
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// A UUID, as RFC 9562 has those that are made in some way of one's own.
    pub(super) fn uuid(&mut self) -> String {
        let [high, low] = [self.number(), self.number()];
        format!(
            "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}

/// Of the product of two fractions of 2^64, as one.
fn high_half(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

fn scaled(fraction: u64, bound: usize) -> usize {
    let bound = u64::try_from(bound).unwrap_or(u64::MAX);
    usize::try_from(high_half(fraction, bound)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(seed: u64) -> Random {
        Random::new(seed, Purpose::Posts, 0)
    }

    // Whoever changes these numbers changes what every seed makes.
    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut first = random(1);
        let numbers = [first.number(), first.number()];
        assert_eq!(numbers, [0xa6d4_b8ec_6da1_d5e2, 0xc24d_bc4a_f304_bf6a]);
        assert_ne!(random(2).number(), 0xa6d4_b8ec_6da1_d5e2);
        assert_ne!(Random::new(1, Purpose::Likes, 0).number(), 0xa6d4_b8ec_6da1_d5e2);
        assert_ne!(Random::new(1, Purpose::Posts, 1).number(), 0xa6d4_b8ec_6da1_d5e2);
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut random = random(3);
        for power in 1..4 {
            let mut drawn = [0_u32; 10];
            for _ in 0..10_000 {
                drawn[random.skewed_below(10, power)] += 1;
            }
            assert!(drawn.iter().all(|times| *times > 100), "{power}: {drawn:?}");
            assert_eq!(power > 1, drawn[0] > 2 * drawn[9], "{power}: {drawn:?}");
        }
        assert_eq!((random.below(1), random.below(0)), (0, 0));
    }

    #[test]
    fn a_uuid_says_that_it_is_one_of_our_own() {
        let uuid = random(4).uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"), "{uuid}");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
        assert_ne!(uuid, random(5).uuid());
    }
}
