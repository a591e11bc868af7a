//! A process of its own, since a provider is installed once for all.

use jsonwebtoken::crypto::{CryptoProvider, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use kith_tokens::{Issuer, ProviderTaken, SigningKey, Verifier};

static OTHER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    key_utils: KeyUtils::new_unimplemented(),
};

#[test]
fn beside_another_provider_nothing_is_signed_or_verified() {
    OTHER.install_default().expect("the first in this process");
    let key = SigningKey::generate().expect("random");
    assert_eq!(Issuer::new(key, "iss", "aud").err(), Some(ProviderTaken));
    assert_eq!(Verifier::new("iss", "aud").err(), Some(ProviderTaken));
}
