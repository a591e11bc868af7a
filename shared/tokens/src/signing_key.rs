//! The private half of a key pair.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::EncodingKey;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use crate::KeyError;

pub(crate) const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
pub(crate) const PEM_END: &str = "-----END PRIVATE KEY-----";

/// All that stands before the 32 secret bytes in PKCS#8 version 1 (RFC 8410, section 7).
///
/// ring itself writes version 2, which OpenSSL 3.0 does not read.
const PKCS8_V1_HEAD: [u8; 16] = *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// An Ed25519 key that signs tokens. `Debug` shows its id alone; the memory is wiped when it is dropped.
#[derive(Clone)]
pub struct SigningKey {
    pkcs8: EncodingKey,
    public_key: [u8; 32],
    key_id: String,
}

impl SigningKey {
    /// A new random key.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`] when the operating system gives none.
    pub fn generate() -> Result<Self, KeyError> {
        let seed =
            ring::rand::generate::<[u8; 32]>(&SystemRandom::new()).map_err(|_| KeyError::NoRandomness)?;
        let seed = Zeroizing::new(seed.expose());
        Self::from_pkcs8(&Zeroizing::new(
            [PKCS8_V1_HEAD.as_slice(), seed.as_slice()].concat(),
        ))
    }

    /// Reads an unencrypted PKCS#8 key (version 1 or 2), as `openssl genpkey -algorithm ed25519` writes it.
    ///
    /// # Errors
    /// [`KeyError::NotPem`] or [`KeyError::NotEd25519`]; neither repeats anything of the text.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let body = pem
            .trim()
            .strip_prefix(PEM_BEGIN)
            .and_then(|rest| rest.strip_suffix(PEM_END));
        let body = body.ok_or(KeyError::NotPem)?;
        let base64 = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
        let der = Zeroizing::new(STANDARD.decode(base64.as_str()).map_err(|_| KeyError::NotPem)?);
        Self::from_pkcs8(&der)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| KeyError::NotEd25519)?;
        let public_key = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| KeyError::NotEd25519)?;
        Ok(Self {
            pkcs8: EncodingKey::from_ed_der(der),
            public_key,
            key_id: thumbprint(&public_key),
        })
    }

    /// The key as PEM, for [`SigningKey::from_pem`] and for OpenSSL.
    pub fn to_pem(&self) -> SecretString {
        let base64 = Zeroizing::new(STANDARD.encode(self.pkcs8.as_bytes()));
        let mut pem = format!("{PEM_BEGIN}\n");
        for (index, character) in base64.chars().enumerate() {
            if index > 0 && index % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str(&format!("\n{PEM_END}\n"));
        pem.into()
    }

    /// The id that stands as `kid` in the tokens: the RFC 7638 thumbprint of the public half.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public half.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    pub(crate) fn encoding_key(&self) -> &EncodingKey {
        &self.pkcs8
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The RFC 7638 thumbprint of a public key: SHA-256 over its JWK with sorted members, in base64url.
pub(crate) fn thumbprint(public_key: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public_key);
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, jwk.as_bytes()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// The key pair of RFC 8037, appendix A.1, as OpenSSL writes it.
    const RFC_8037_PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn a_key_made_by_openssl_loads_and_has_the_thumbprint_of_the_rfc() {
        let key = SigningKey::from_pem(RFC_8037_PEM).expect("a good key");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(key.public_key()),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        );
        assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_of_pkcs8_version_2_loads_and_keeps_its_form() {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("random");
        let key = SigningKey::from_pkcs8(der.as_ref()).expect("a good key");
        let again = SigningKey::from_pem(key.to_pem().expose_secret()).expect("its own PEM");
        assert_eq!(again.pkcs8.as_bytes(), der.as_ref());
    }

    #[test]
    fn pem_is_written_as_openssl_writes_it() {
        let key = SigningKey::from_pem(RFC_8037_PEM).expect("a good key");
        assert_eq!(key.to_pem().expose_secret(), RFC_8037_PEM);
    }

    #[test]
    fn a_new_key_is_another_one_each_time_and_survives_pem() {
        let [one, two] = [
            SigningKey::generate().expect("random"),
            SigningKey::generate().expect("random"),
        ];
        assert_ne!(one.key_id(), two.key_id());
        let again = SigningKey::from_pem(one.to_pem().expose_secret()).expect("its own PEM");
        assert_eq!(again.public_key(), one.public_key());
    }

    #[test]
    fn debug_shows_the_key_id_alone() {
        let key = SigningKey::from_pem(RFC_8037_PEM).expect("a good key");
        assert_eq!(
            format!("{key:?}"),
            r#"SigningKey { key_id: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", .. }"#
        );
    }

    #[test]
    fn what_is_no_ed25519_key_in_pem_is_refused() {
        let p256 = "-----BEGIN PRIVATE KEY-----\nMEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDh\n-----END PRIVATE KEY-----";
        let public = RFC_8037_PEM.replace("PRIVATE", "PUBLIC");
        let not_base64 = RFC_8037_PEM.replace("MC4C", "MC*C");
        let refusal = |pem: &str| SigningKey::from_pem(pem).map(|key| key.key_id).unwrap_err();
        assert_eq!(refusal(""), KeyError::NotPem);
        assert_eq!(refusal(&public), KeyError::NotPem);
        assert_eq!(refusal(&not_base64), KeyError::NotPem);
        assert_eq!(refusal(p256), KeyError::NotEd25519);
    }
}
