use kith_primitives::Invalid;
use kith_rules::duration::ttl_micros;
use kith_rules::messaging::MEMBERS_MUTE_EXPIRES_LATER;

/// How long the mute of a conversation lasts, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MuteTtl(i64);

impl MuteTtl {
    /// More than 0 and at most 3,650 days. Parts of a microsecond are cut off.
    pub(crate) fn parse(seconds: i64, nanos: i32) -> Result<Self, Invalid> {
        ttl_micros(seconds, nanos, &MEMBERS_MUTE_EXPIRES_LATER).map(Self)
    }

    pub(crate) fn micros(self) -> i64 {
        self.0
    }
}
