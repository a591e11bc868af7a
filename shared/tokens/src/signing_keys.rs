//! Several key pairs, of which one signs at a time.

use crate::signing_key::PEM_END;
use crate::{KeyError, SigningKey};

/// At least one [`SigningKey`], each once, in the order in which they were given.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    first: SigningKey,
    others: Vec<SigningKey>,
}

impl SigningKeys {
    /// Reads one PEM block or several, one after the other, each as [`SigningKey::from_pem`] takes it. Between them
    /// there is white space alone: a key behind a damaged line must not be lost in silence.
    ///
    /// # Errors
    /// [`KeyError`] for the first block that is no good, and where there is none; it repeats nothing of the text.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let (first, mut rest) = first_block(text.trim())?;
        let mut keys = Self::from(first);
        while !rest.is_empty() {
            let (key, behind) = first_block(rest)?;
            if keys.find(key.key_id()).is_none() {
                keys.others.push(key);
            }
            rest = behind;
        }
        Ok(keys)
    }

    /// The first of them.
    pub fn first(&self) -> &SigningKey {
        &self.first
    }

    /// The keys, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The key with this id.
    pub fn find(&self, key_id: &str) -> Option<&SigningKey> {
        self.iter().find(|key| key.key_id() == key_id)
    }
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self {
            first: key,
            others: Vec::new(),
        }
    }
}

/// The key in the block that `text` begins with, and what stands behind it.
fn first_block(text: &str) -> Result<(SigningKey, &str), KeyError> {
    let end = text.find(PEM_END).ok_or(KeyError::NotPem)? + PEM_END.len();
    let (block, rest) = text.split_at(end);
    Ok((SigningKey::from_pem(block)?, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::signing_key::PEM_BEGIN;

    fn pem() -> String {
        SigningKey::generate()
            .expect("random")
            .to_pem()
            .expose_secret()
            .to_owned()
    }

    fn ids(text: &str) -> Result<Vec<String>, KeyError> {
        let keys = SigningKeys::from_pem(text)?;
        Ok(keys.iter().map(|key| key.key_id().to_owned()).collect())
    }

    #[test]
    fn blocks_are_read_in_their_order_and_each_once() {
        let (one, two) = (pem(), pem());
        let of = |text: &str| SigningKey::from_pem(text).expect("a key").key_id().to_owned();
        let both = vec![of(&one), of(&two)];
        assert_eq!(ids(&format!("{one}{two}")), Ok(both.clone()));
        assert_eq!(ids(&format!("\n{one}\r\n\n{two}{one}\n")), Ok(both));
        assert_eq!(ids(&one), Ok(vec![of(&one)]));
    }

    // Control: text between the blocks skipped; the damaged one was lost in silence.
    #[test]
    fn one_bad_block_spoils_all() {
        let (one, two) = (pem(), pem());
        for bad in [
            String::new(),
            format!("{one}{}", two.replace(PEM_BEGIN, "-----BEGIN PRIVATE KEY----")),
            format!("{one}{}", two.replace(PEM_END, "")),
            format!("{one}nonsense"),
            format!("nonsense{one}"),
            format!("{one}{}", two.replace("MC4C", "MC*C")),
        ] {
            assert_eq!(ids(&bad), Err(KeyError::NotPem), "{bad}");
        }
    }
}
