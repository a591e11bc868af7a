use kith_primitives::Failure;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A refresh token: 256 random bits. The database has only its hash; a fast one, since there is nothing to guess.
#[derive(Clone, Debug)]
pub(crate) struct RefreshSecret(SecretString);

impl RefreshSecret {
    /// A token that nobody has seen.
    pub(crate) fn random() -> Result<Self, Failure> {
        let mut bytes = [0; 32];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Failure::internal("the operating system gives no random bytes"))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes).into()))
    }

    /// A token that a caller sent, which may be any text.
    pub(crate) fn sent(text: String) -> Self {
        Self(text.into())
    }

    pub(crate) fn hash(&self) -> Vec<u8> {
        digest(&SHA256, self.0.expose_secret().as_bytes())
            .as_ref()
            .to_vec()
    }

    /// The token itself, for the one answer that it stands in.
    pub(crate) fn reveal(&self) -> String {
        self.0.expose_secret().to_owned()
    }
}
