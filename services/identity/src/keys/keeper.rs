//! The background task that keeps keys as they are mounted and as the database has them.

use std::time::{Duration, Instant};

use kith_postgres::{Database, DatabaseUrl, PoolSettings};
use kith_primitives::{Failure, chain};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Keys, Mounted};
use crate::domain::{KeyState, KnownKey, active_key};
use crate::store::{signing_keys_find, signing_keys_publish};

/// The pause after something went wrong.
const IMPATIENT: Duration = Duration::from_millis(250);

/// Keeps [`Keys`] fresh.
pub(crate) struct Keeper {
    keys: Keys,
    mounted: Mounted,
    database: Database,
    /// What went wrong the last time, so that it is said once.
    problem: Option<String>,
}

impl Keeper {
    /// For the keys in the database of `url`. It has a connection of its own, so that a service which is overloaded still
    /// learns of a key that was removed.
    pub(crate) fn new(keys: Keys, mounted: Mounted, url: &DatabaseUrl, pool: &PoolSettings) -> Self {
        let settings = PoolSettings {
            size: 1,
            ..pool.clone()
        };
        Self {
            keys,
            mounted,
            database: Database::new(url, &settings),
            problem: None,
        }
    }

    /// Looks at the mounted keys and at the database every `interval` until `shutdown`.
    pub(crate) async fn keep(mut self, interval: Duration, shutdown: CancellationToken) {
        let endless = async {
            loop {
                if let Some(keys) = self.mounted.read_again().await {
                    self.keys.mount(keys);
                }
                let looked = self.look().await;
                sleep(if looked { interval } else { IMPATIENT }).await;
            }
        };
        shutdown.run_until_cancelled(endless).await;
    }

    /// Whether the database answered.
    async fn look(&mut self) -> bool {
        let as_of = Instant::now();
        let problem = match self.publish().await {
            Ok(known) => {
                self.keys.adopt(known, as_of);
                None
            }
            Err(failure) => {
                self.keys.grow_old();
                Some(failure.cause().map(|cause| chain(cause)).unwrap_or_default())
            }
        };
        if problem != self.problem
            && let Some(cause) = &problem
        {
            tracing::warn!(cause, "the signing keys in the database could not be read");
        }
        self.problem = problem;
        self.problem.is_none()
    }

    /// Reads the keys, and publishes what is missing there.
    async fn publish(&self) -> Result<Vec<KnownKey>, Failure> {
        let known = signing_keys_find(&self.database).await?;
        let mounted = self.keys.mounted();
        let state = |key_id: &str| known.iter().find(|key| key.key_id == key_id).map(KnownKey::state);
        let nobody_signs = active_key(&known).is_none();
        let is_missing = mounted.iter().any(|key| match state(key.key_id()) {
            None => true,
            Some(state) => nobody_signs && state == KeyState::Published,
        });
        if is_missing {
            signing_keys_publish(&self.database, &mounted).await
        } else {
            Ok(known)
        }
    }
}
