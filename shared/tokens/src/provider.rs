//! The cryptography beneath `jsonwebtoken`: Ed25519 by ring, and no other algorithm for anybody to be tricked into.

use std::sync::OnceLock;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, Result};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::signature::{ED25519, Ed25519KeyPair, VerificationAlgorithm};

/// Somebody else installed a crypto provider for `jsonwebtoken` in this process, or used it before this crate did.
///
/// That provider would decide which algorithms are good enough, so no token is signed or verified with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "another crypto provider for jsonwebtoken is installed in this process; kith-tokens must be the first"
)]
pub struct ProviderTaken;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: new_signer,
    verifier_factory: new_verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Makes [`PROVIDER`] the one of this process; further and simultaneous calls get the answer of the first.
pub(crate) fn install() -> std::result::Result<(), ProviderTaken> {
    static INSTALLED: OnceLock<std::result::Result<(), ProviderTaken>> = OnceLock::new();
    *INSTALLED.get_or_init(|| PROVIDER.install_default().map_err(|_| ProviderTaken))
}

fn unsupported() -> Error {
    ErrorKind::UnsupportedAlgorithm.into()
}

fn new_signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(unsupported());
    }
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes());
    Ok(Box::new(Ed25519Signer(
        pair.map_err(|_| ErrorKind::InvalidEddsaKey)?,
    )))
}

fn new_verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::EdDSA || key.family() != AlgorithmFamily::Ed {
        return Err(unsupported());
    }
    let public_key = key.try_get_as_bytes()?.try_into();
    Ok(Box::new(Ed25519Verifier(
        public_key.map_err(|_| ErrorKind::InvalidEddsaKey)?,
    )))
}

struct Ed25519Signer(Ed25519KeyPair);

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Ed25519Verifier([u8; 32]);

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let [public_key, message, signature] =
            [self.0.as_slice(), message, signature.as_slice()].map(Into::into);
        ED25519
            .verify(public_key, message, signature)
            .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_again_and_at_once_is_fine() {
        let answers = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(install)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect::<Vec<_>>()
        });
        assert_eq!(answers, [Ok(()); 16]);
        assert_eq!(install(), Ok(()));
    }

    #[test]
    fn every_algorithm_but_eddsa_is_refused() {
        let der = [0; 32];
        for family in [AlgorithmFamily::Hmac, AlgorithmFamily::Rsa, AlgorithmFamily::Ec] {
            for algorithm in family.algorithms() {
                assert!(
                    new_signer(algorithm, &EncodingKey::from_ed_der(&der)).is_err(),
                    "{algorithm:?}"
                );
                assert!(
                    new_verifier(algorithm, &DecodingKey::from_ed_der(&der)).is_err(),
                    "{algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn a_key_of_another_family_is_refused_also_for_eddsa() {
        assert!(new_signer(&Algorithm::EdDSA, &EncodingKey::from_secret(&[0; 32])).is_err());
        assert!(new_verifier(&Algorithm::EdDSA, &DecodingKey::from_secret(&[0; 32])).is_err());
        assert!(new_verifier(&Algorithm::EdDSA, &DecodingKey::from_ed_der(&[0; 32])).is_ok());
    }
}
