//! How many retries there may be, so that they cannot multiply an outage.

use std::sync::atomic::{AtomicU32, Ordering};

/// In fifths of a retry.
const RETRY: u32 = 5;
const CALL: u32 = 1;
const MAX: u32 = 256 * RETRY;

/// A retry takes a token, and every call brings a fifth of one: beyond a reserve of 256 retries, servers that fail
/// get at most 6 calls where they would have got 5.
#[derive(Debug)]
pub(crate) struct Budget(AtomicU32);

impl Budget {
    pub(crate) fn full() -> Self {
        Self(AtomicU32::new(MAX))
    }

    /// A call was made.
    pub(crate) fn earn(&self) {
        // Mostly it is full, and then nothing is written.
        let earned = |tokens| (tokens < MAX).then_some(tokens + CALL);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, earned);
    }

    /// Whether there may be a retry; if so, it is paid for.
    pub(crate) fn spend(&self) -> bool {
        let spent = |tokens: u32| tokens.checked_sub(RETRY);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_calls_pay_for_one_retry() {
        let budget = Budget::full();
        budget.earn();
        let reserve = (0..).take_while(|_| budget.spend()).count();
        assert_eq!(reserve, 256);
        let paid = |calls| {
            (0..calls).for_each(|_| budget.earn());
            budget.spend()
        };
        assert_eq!((paid(4), paid(1), paid(0)), (false, true, false));
    }
}
