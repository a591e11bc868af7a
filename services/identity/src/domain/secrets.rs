use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith_primitives::Failure;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};

/// Declares a kind of secret that is made here: a prefix that tells what it is, and 256 random bits.
///
/// The database has only its hash; a fast one, since there is nothing to guess.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident = $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub(crate) struct $name(SecretString);

        impl $name {
            /// A secret that nobody has seen.
            pub(crate) fn random() -> Result<Self, Failure> {
                Ok(Self(format!("{}{}", $prefix, random_text()?).into()))
            }

            /// A secret that a caller sent, which may be any text.
            pub(crate) fn sent(text: String) -> Self {
                Self(text.into())
            }

            /// SHA-256 of it.
            pub(crate) fn hash(&self) -> Vec<u8> {
                digest(&SHA256, self.0.expose_secret().as_bytes()).as_ref().to_vec()
            }

            /// The secret itself, for the one answer that it stands in.
            pub(crate) fn reveal(&self) -> String {
                self.0.expose_secret().to_owned()
            }
        }
    };
}

secret! {
    /// A refresh token.
    RefreshSecret = ""
}
secret! {
    /// What a service proves itself with. By its prefix, scanners of repositories and logs can find one that leaked.
    ServiceSecret = "kiths_"
}

/// 256 random bits in base64url.
fn random_text() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Failure::internal("the operating system gives no random bytes"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same_and_their_kind_shows() {
        let [one, other] = [(); 2].map(|()| ServiceSecret::random().expect("random bytes").reveal());
        assert_ne!(one, other);
        assert_eq!(
            (one.len(), one.strip_prefix("kiths_").map(str::len)),
            (49, Some(43))
        );
        assert_eq!(RefreshSecret::random().expect("random bytes").reveal().len(), 43);
    }

    #[test]
    fn a_secret_is_never_printed() {
        let secret = ServiceSecret::sent("kiths_horse".to_owned());
        assert!(!format!("{secret:?}").contains("horse"));
    }
}
