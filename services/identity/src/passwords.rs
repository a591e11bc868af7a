//! Hashing of passwords: Argon2id at 19 MiB, two passes, one lane (OWASP's first choice, and the crate's default).

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use kith_primitives::Failure;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;

use crate::domain::Password;
use crate::turns::{Turn, Turns};

/// A hash as the database keeps it, in PHC string format.
#[derive(Clone, Debug)]
pub(crate) struct StoredHash(pub(crate) SecretString);

/// Hashes and verifies on blocking threads, so many at a time.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    turns: Turns,
    /// The hash of a password that nobody has, for accounts that cannot sign in: they cost the same.
    decoy: StoredHash,
    /// How many passwords were hashed or verified, for tests.
    #[cfg(test)]
    pub(crate) work: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Passwords {
    /// Verifies at most this many characters; longer candidates are wrong in any case.
    const CANDIDATE_MAX: usize = Password::MAX;
    /// So many calls wait at the most: at some 30 ms a hash, that is more than any deadline has patience for.
    const MAX_WAITING: usize = 2048;

    /// Hashes at most `at_once` passwords at the same time; each takes 19 MiB.
    pub(crate) fn new(at_once: usize) -> Result<Self, Failure> {
        let decoy = hash(&SecretString::from(uuid::Uuid::new_v4().to_string()))?;
        Ok(Self {
            turns: Turns::new(at_once, Self::MAX_WAITING),
            decoy,
            #[cfg(test)]
            work: std::sync::Arc::default(),
        })
    }

    pub(crate) async fn hash(&self, password: Password) -> Result<StoredHash, Failure> {
        self.blocking(move || hash(password.secret())).await?
    }

    /// Whether `candidate` is the password behind `stored`. Without a stored hash the answer is no, at the same cost.
    pub(crate) async fn verify(
        &self,
        stored: Option<StoredHash>,
        candidate: SecretString,
    ) -> Result<bool, Failure> {
        let has_password = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.clone());
        let matches = self.blocking(move || verify(&stored, &candidate)).await??;
        Ok(matches && has_password)
    }

    /// The turn goes into the task: a caller that hangs up must not make room while its hash still runs.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let turn = self.turns.take().await?;
        #[cfg(test)]
        self.work.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let task = spawn_blocking(move || {
            let _held: Turn = turn;
            work()
        });
        task.await.map_err(Failure::internal)
    }
}

fn hash(password: &SecretString) -> Result<StoredHash, Failure> {
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.expose_secret().as_bytes())
        .map_err(internal)?;
    Ok(StoredHash(hash.to_string().into()))
}

fn verify(stored: &StoredHash, candidate: &SecretString) -> Result<bool, Failure> {
    let stored = PasswordHash::new(stored.0.expose_secret()).map_err(internal)?;
    let candidate = candidate.expose_secret();
    let cut = candidate
        .char_indices()
        .nth(Passwords::CANDIDATE_MAX)
        .map(|(end, _)| end);
    let matches =
        Argon2::default().verify_password(&candidate.as_bytes()[..cut.unwrap_or(candidate.len())], &stored);
    Ok(matches.is_ok() && cut.is_none())
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure::internal(format!("password hash: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).expect("a good password")
    }

    #[tokio::test]
    async fn only_the_same_password_verifies() {
        let passwords = Passwords::new(2).expect("a hasher");
        let stored = passwords.hash(password("correct horse")).await.expect("a hash");
        assert!(
            stored
                .0
                .expose_secret()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        let verify = |candidate: &str| passwords.verify(Some(stored.clone()), candidate.into());
        assert!(verify("correct horse").await.expect("an answer"));
        assert!(!verify("correct horses").await.expect("an answer"));
        assert!(!verify("").await.expect("an answer"));
    }

    #[tokio::test]
    async fn an_over_long_candidate_is_wrong_even_if_it_begins_right() {
        let passwords = Passwords::new(2).expect("a hasher");
        let longest = "a".repeat(Password::MAX);
        let stored = passwords.hash(password(&longest)).await.expect("a hash");
        assert!(
            passwords
                .verify(Some(stored.clone()), longest.clone().into())
                .await
                .expect("an answer")
        );
        assert!(
            !passwords
                .verify(Some(stored), format!("{longest}a").into())
                .await
                .expect("an answer")
        );
    }

    #[tokio::test]
    async fn without_a_stored_hash_nothing_verifies() {
        let passwords = Passwords::new(1).expect("a hasher");
        assert!(
            !passwords
                .verify(None, "correct horse".into())
                .await
                .expect("an answer")
        );
    }
}
