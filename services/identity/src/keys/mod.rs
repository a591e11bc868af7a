//! The keys of this process: the private halves as they are mounted, and what the database says of them all.

mod keeper;
mod mounted;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kith_primitives::{Failure, Reason};
use kith_rpc::{Latch, TokenSettings};
use kith_tokens::{Issuer, ProviderTaken, SharedKeys, SigningKeys, VerifyingKeys};

pub(crate) use keeper::Keeper;
pub(crate) use mounted::Mounted;

use crate::domain::{KeyState, KnownKey, active_key};

/// What this process signs and verifies with. Clones share it.
#[derive(Clone)]
pub(crate) struct Keys(Arc<Shared>);

struct Shared {
    /// Signs with whatever key; only what tokens say of themselves counts.
    template: Issuer,
    current: Mutex<Current>,
    verifying: SharedKeys,
}

struct Current {
    /// The private halves.
    mounted: Arc<SigningKeys>,
    /// Every key there ever was, in the database.
    known: Vec<KnownKey>,
    /// The latest moment that `known` is certain to have been right at.
    as_of: Option<Instant>,
    signer: Signer,
    /// Set while there is a signer.
    latch: Latch,
}

/// The active key, as far as this process has it.
enum Signer {
    /// The database has not said anything yet.
    Unknown,
    /// No key is active.
    None,
    /// The private half of this one is not here.
    Elsewhere(String),
    Here(Arc<Issuer>),
}

impl Signer {
    /// The active key's id.
    fn key_id(&self) -> Option<&str> {
        match self {
            Signer::Unknown | Signer::None => None,
            Signer::Elsewhere(key_id) => Some(key_id),
            Signer::Here(issuer) => Some(issuer.key().key_id()),
        }
    }

    /// Says what has become of it.
    fn report(&self) {
        match self {
            Signer::Unknown => {}
            Signer::None => tracing::error!(
                "no signing key is active, and all that are mounted have been removed; mount a new one"
            ),
            Signer::Elsewhere(key_id) => tracing::error!(
                key_id,
                "the active signing key is not mounted here, so nobody can sign in; mount it. If it is lost for good, run \
                 as the owner of the database: UPDATE identity.signing_keys SET removed_at = now() WHERE key_id = '{key_id}'"
            ),
            Signer::Here(issuer) => tracing::info!(key_id = issuer.key().key_id(), "signing tokens"),
        }
    }
}

impl Keys {
    /// These private halves, of which the database has not said anything yet. `latch` is set while one of them signs.
    ///
    /// # Errors
    /// When this process has another provider of cryptography.
    pub(crate) fn new(
        mounted: SigningKeys,
        tokens: TokenSettings,
        latch: Latch,
    ) -> Result<Self, ProviderTaken> {
        let template = Issuer::new(mounted.first().clone(), tokens.issuer, tokens.audience)?;
        Ok(Self(Arc::new(Shared {
            template,
            current: Mutex::new(Current {
                mounted: Arc::new(mounted),
                known: Vec::new(),
                as_of: None,
                signer: Signer::Unknown,
                latch,
            }),
            verifying: SharedKeys::new(),
        })))
    }

    /// The keys that verify.
    pub(crate) fn verifying(&self) -> SharedKeys {
        self.0.verifying.clone()
    }

    /// Signs with the active key.
    ///
    /// Ask for it before anything is changed: whoever cannot be given a token must not lose what it has.
    pub(crate) fn issuer(&self) -> Result<Arc<Issuer>, Failure> {
        match &self.current().signer {
            Signer::Here(issuer) => Ok(Arc::clone(issuer)),
            _ => Err(Failure::new(
                Reason::ServiceNotReady,
                "the key that signs tokens is not here at the moment",
            )
            .with_retry_after(Duration::from_secs(1))),
        }
    }

    /// The ids of the keys whose private halves are here.
    pub(crate) fn held(&self) -> Vec<String> {
        self.mounted().iter().map(|key| key.key_id().to_owned()).collect()
    }

    fn mounted(&self) -> Arc<SigningKeys> {
        Arc::clone(&self.current().mounted)
    }

    /// Takes other private halves in the place of those that were here.
    fn mount(&self, mounted: SigningKeys) {
        let mut current = self.current();
        current.mounted = Arc::new(mounted);
        self.choose(&mut current);
    }

    /// Takes it from the database which keys are trusted, and which one signs. `as_of` is when that was asked, or when
    /// this process made it so; what is older than what is here already is left aside.
    pub(crate) fn adopt(&self, known: Vec<KnownKey>, as_of: Instant) {
        let mut current = self.current();
        if current.as_of.is_some_and(|newest| newest > as_of) {
            return;
        }
        let trusted = known.iter().filter(|key| key.state() != KeyState::Removed);
        let public_keys = trusted.filter_map(|key| key.public_key.as_slice().try_into().ok());
        self.0.verifying.replace(VerifyingKeys::new(public_keys), as_of);
        current.known = known;
        current.as_of = Some(as_of);
        self.choose(&mut current);
    }

    /// Finds out what signs, of what is mounted and known, and says so when that changes.
    fn choose(&self, current: &mut Current) {
        if current.as_of.is_none() {
            return;
        }
        let active = active_key(&current.known).map(|key| key.key_id.as_str());
        let mounted = active.and_then(|key_id| current.mounted.find(key_id));
        let changed = match (&current.signer, mounted) {
            (Signer::Unknown, _) => true,
            (Signer::Elsewhere(_), Some(_)) => true,
            (Signer::Here(_), None) => true,
            (signer, _) => signer.key_id() != active,
        };
        if changed {
            let signer = match (mounted, active) {
                (Some(key), _) => Signer::Here(Arc::new(self.0.template.with_key(key.clone()))),
                (None, Some(key_id)) => Signer::Elsewhere(key_id.to_owned()),
                (None, None) => Signer::None,
            };
            signer.report();
            current.signer = signer;
        }
        self.tell(current);
    }

    /// Says whether there is a key to sign with, and whether those that verify are trusted still.
    fn tell(&self, current: &Current) {
        let signs = matches!(current.signer, Signer::Here(_));
        current.latch.set(signs && self.0.verifying.current().is_some());
    }

    /// The database could not be asked: in the end, what it said is too old to be trusted.
    fn grow_old(&self) {
        self.tell(&self.current());
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
