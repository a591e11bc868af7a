//! The public keys that a service trusts, and for how long.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::DecodingKey;
use tokio::sync::Notify;

use crate::signing_key::thumbprint;

/// A set of public keys that does not change; each has its RFC 7638 thumbprint as id.
pub struct VerifyingKeys(HashMap<String, DecodingKey>);

impl VerifyingKeys {
    /// The set of these raw Ed25519 public keys. The ids are computed, so none can be claimed for another key.
    pub fn new(public_keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let keys = public_keys
            .into_iter()
            .map(|key| (thumbprint(&key), DecodingKey::from_ed_der(&key)));
        Self(keys.collect())
    }

    /// The ids of the keys, in no particular order.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, key_id: &str) -> Option<&DecodingKey> {
        self.0.get(key_id)
    }
}

impl fmt::Debug for VerifyingKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.key_ids()).finish()
    }
}

/// The keys of a running service: one task refreshes them, every call reads them. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct SharedKeys {
    loaded: Arc<RwLock<Option<Loaded>>>,
    wanted: Arc<Notify>,
}

#[derive(Debug)]
struct Loaded {
    keys: Arc<VerifyingKeys>,
    as_of: Instant,
}

impl SharedKeys {
    /// How long keys are trusted without news from identity.
    pub const TRUSTED_FOR: Duration = Duration::from_secs(60 * 60);

    /// No keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts `keys`, and no others any more. `as_of` is when they were asked for, which is the latest moment that
    /// they are known to have been right at.
    pub fn replace(&self, keys: VerifyingKeys, as_of: Instant) {
        let loaded = Loaded {
            keys: Arc::new(keys),
            as_of,
        };
        *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
    }

    /// The keys to verify with now; `None` before the first were loaded and an hour after the last were: the service
    /// is not ready then.
    pub fn current(&self) -> Option<Arc<VerifyingKeys>> {
        self.current_at(Instant::now())
    }

    /// [`SharedKeys::current`] as it is at `now`.
    pub fn current_at(&self, now: Instant) -> Option<Arc<VerifyingKeys>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |loaded: &&Loaded| now.duration_since(loaded.as_of) < Self::TRUSTED_FOR;
        let trusted = loaded.as_ref().filter(is_fresh);
        trusted.map(|loaded| Arc::clone(&loaded.keys))
    }

    /// How long ago the keys were last known to be right; `None` before the first were loaded.
    pub fn age(&self) -> Option<Duration> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.as_ref().map(|loaded| loaded.as_of.elapsed())
    }

    /// Says that a token came whose key is not among these: there may be news. Costs nothing, however often it is said.
    pub fn want_news(&self) {
        self.wanted.notify_one();
    }

    /// Returns once [`SharedKeys::want_news`] has been called since the last time, for the one task that refreshes.
    pub async fn news_wanted(&self) {
        self.wanted.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALMOST_AN_HOUR: Duration = Duration::from_millis(60 * 60 * 1000 - 1);

    #[test]
    fn before_the_first_load_there_are_no_keys() {
        assert!(SharedKeys::new().current().is_none());
    }

    #[test]
    fn keys_are_trusted_for_less_than_an_hour_since_the_last_load() {
        let (shared, start) = (SharedKeys::new(), Instant::now());
        shared.replace(VerifyingKeys::new([]), start);
        assert!(shared.current_at(start + ALMOST_AN_HOUR).is_some());
        assert!(shared.current_at(start + SharedKeys::TRUSTED_FOR).is_none());

        shared.replace(VerifyingKeys::new([]), start + SharedKeys::TRUSTED_FOR);
        assert!(shared.current_at(start + SharedKeys::TRUSTED_FOR).is_some());
    }

    #[test]
    fn a_clone_sees_the_keys_that_replaced_the_old_ones() {
        let shared = SharedKeys::new();
        let clone = shared.clone();
        for key in [[1; 32], [2; 32]] {
            shared.replace(VerifyingKeys::new([key]), Instant::now());
            let keys = clone.current().expect("just loaded");
            assert_eq!(keys.key_ids().collect::<Vec<_>>(), [thumbprint(&key)]);
        }
    }
}
