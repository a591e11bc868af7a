//! Tokens put together with ring alone, so that nothing of the code under test is trusted.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kith_tokens::SigningKey;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use ring::signature::Ed25519KeyPair;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A key that signs whatever it is given.
pub(crate) struct Signer {
    /// The id of the key.
    pub(crate) id: String,
    /// The public half, 32 bytes.
    pub(crate) public: [u8; 32],
    pair: Ed25519KeyPair,
}

impl Signer {
    /// Signs with a key of the deployment.
    pub(crate) fn of(key: &SigningKey) -> Self {
        let pem = key.to_pem();
        let base64: String = pem
            .expose_secret()
            .lines()
            .filter(|line| !line.starts_with('-'))
            .collect();
        let der = STANDARD.decode(base64).expect("its own PEM");
        Self {
            id: key.key_id().to_owned(),
            public: key.public_key(),
            pair: Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).expect("its own key"),
        }
    }

    /// Signs with a new key.
    pub(crate) fn new() -> Self {
        Self::of(&SigningKey::generate().expect("random"))
    }

    /// `message` and the signature over it.
    pub(crate) fn sign(&self, message: &str) -> String {
        let signature = self.pair.sign(message.as_bytes());
        format!("{message}.{}", encode(signature))
    }

    /// The token of these two parts.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        self.sign(&message(header, claims))
    }

    /// The public half as a JSON Web Key.
    pub(crate) fn jwk(&self) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": encode(self.public), "kid": self.id, "alg": "EdDSA"})
    }
}

/// A token that verifies, and its parts.
pub(crate) struct Good {
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) text: String,
}

impl Good {
    /// The three parts as they stand in the token.
    pub(crate) fn parts(&self) -> [&str; 3] {
        let mut parts = self.text.split('.');
        [(); 3].map(|()| parts.next().expect("three parts"))
    }

    /// The part that is signed.
    pub(crate) fn message(&self) -> &str {
        self.text.rsplit_once('.').expect("three parts").0
    }

    pub(crate) fn is_users(&self) -> bool {
        self.claims.get("sid").is_some()
    }
}

/// Where tokens are made: who signs, for whom, and when.
pub(crate) struct Scene {
    pub(crate) rng: StdRng,
    /// The key of the deployment.
    pub(crate) ours: Signer,
    /// Another key of the deployment, where it has two.
    pub(crate) other: Signer,
    /// A key of somebody else.
    pub(crate) stranger: Signer,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// Seconds since the epoch.
    pub(crate) now: u64,
    /// The good tokens that were made since the last look: untampered, they must verify.
    pub(crate) made: Vec<String>,
}

impl Scene {
    pub(crate) fn new(seed: u64, ours: &SigningKey, issuer: &str, audience: &str, now: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            ours: Signer::of(ours),
            other: Signer::new(),
            stranger: Signer::new(),
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            now,
            made: Vec::new(),
        }
    }

    /// A good token, of a user as often as of a service, which is like no other.
    pub(crate) fn good(&mut self) -> Good {
        let header = json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.ours.id});
        let iat = self.now - self.rng.random_range(0..200);
        let jti = format!("{:032x}", self.rng.random::<u128>());
        let id = self.rng.random_range(1..i64::MAX);
        let mut claims = json!({"iss": self.issuer, "aud": self.audience, "jti": jti, "iat": iat});
        let members = claims.as_object_mut().expect("an object");
        if self.rng.random() {
            let session = self.rng.random_range(1..i64::MAX).to_string();
            members.insert("sub".to_owned(), format!("user:{id}").into());
            members.insert("sid".to_owned(), session.into());
            members.insert("exp".to_owned(), (iat + 300).into());
        } else {
            let scopes = ["identity.users.import", "identity.accounts.read", "a.b", ""];
            let scope = *scopes.choose(&mut self.rng).expect("one of them");
            members.insert("sub".to_owned(), format!("service:{id}").into());
            members.insert("scope".to_owned(), scope.into());
            members.insert("exp".to_owned(), (iat + 3600).into());
        }
        let text = self.ours.token(&header, &claims);
        self.made.push(text.clone());
        Good { header, claims, text }
    }

    /// One of these.
    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of.choose(&mut self.rng).expect("one of them").clone()
    }

    /// A place in a text of this length.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        self.rng.random_range(0..length)
    }
}

/// Base64url without padding, as in tokens.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).expect("base64url")
}

/// The part that is signed.
pub(crate) fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string()), encode(claims.to_string()))
}

/// `value` with another member.
pub(crate) fn with(value: &Value, member: &str, new: Value) -> Value {
    let mut value = value.clone();
    value
        .as_object_mut()
        .expect("an object")
        .insert(member.to_owned(), new);
    value
}

/// `value` without a member.
pub(crate) fn without(value: &Value, member: &str) -> Value {
    let mut value = value.clone();
    value
        .as_object_mut()
        .expect("an object")
        .remove(member)
        .expect("it was there");
    value
}
