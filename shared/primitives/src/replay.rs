//! Creates that may be sent again (AIP-155): the id that the caller gives a request, and what the request asked for.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Failure, Invalid, Reason};

/// What a request asks for, in 32 bytes: equal for equal requests, and for no others.
#[derive(Clone, Debug)]
pub struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of a request of `method`. The fields follow, always all of them and in the same order, since what is stored is
    /// compared with what later versions make of the same request.
    pub fn new(method: &str) -> Self {
        Self(Sha256::new()).text(method)
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        // With its length, so that no text can pass for two.
        self.0
            .update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(text);
        self
    }

    /// Adds a number, such as an id; 0 where there is none.
    #[must_use]
    pub fn number(mut self, number: i64) -> Self {
        self.0.update(number.to_be_bytes());
        self
    }

    /// The bytes to store.
    pub fn bytes(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

/// The id that a caller gave a create, with the fingerprint of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayKey {
    id: Uuid,
    fingerprint: Vec<u8>,
}

impl ReplayKey {
    /// Reads the `request_id` of a request; `None` when it is empty, for a create that must not be sent again.
    ///
    /// # Errors
    /// [`Invalid`] when it is not a UUID in its usual form, 8-4-4-4-12 hexadecimal digits, or is the one of zeros.
    pub fn parse(request_id: &str) -> Result<Option<Uuid>, Invalid> {
        if request_id.is_empty() {
            return Ok(None);
        }
        let usual = request_id.len() == 36;
        let id = Uuid::try_parse(request_id)
            .ok()
            .filter(|id| usual && !id.is_nil());
        id.map(Some).ok_or_else(|| {
            Invalid::new(
                Reason::FieldMalformed,
                "must be a UUID such as 8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11, not the one of zeros, or empty",
            )
        })
    }

    /// The key of the request with this id that asks for what `fingerprint` says.
    pub fn new(id: Uuid, fingerprint: Fingerprint) -> Self {
        Self {
            id,
            fingerprint: fingerprint.bytes(),
        }
    }

    /// The id, for the database.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The fingerprint, for the database.
    pub fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }

    /// Compares with the fingerprint that is stored under the same id.
    ///
    /// # Errors
    /// REQUEST_ID_REUSED when the request asked for something else.
    pub fn check(&self, stored: &[u8]) -> Result<(), Failure> {
        if self.fingerprint == stored {
            return Ok(());
        }
        Err(Self::reused())
    }

    /// The failure of a request whose id belongs to another one.
    pub fn reused() -> Failure {
        Failure::new(
            Reason::RequestIdReused,
            "another request was sent with this request_id; give a new request a new id",
        )
    }

    /// The failure of a request whose resource has been deleted since.
    pub fn deleted() -> Failure {
        Failure::new(
            Reason::ResourceDeleted,
            "what this request created has been deleted since, and is not created again",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid_in_its_usual_form_or_absent() {
        assert_eq!(ReplayKey::parse(""), Ok(None));
        for good in [
            "8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11",
            "8C1F7F0E-6B0E-4BB6-9B5E-0A4C3C0F7D11",
        ] {
            assert!(matches!(ReplayKey::parse(good), Ok(Some(_))), "{good}");
        }
        for bad in [
            " ",
            "1",
            "8c1f7f0e6b0e4bb69b5e0a4c3c0f7d11",
            "{8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11}",
            "urn:uuid:8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d11",
            "00000000-0000-0000-0000-000000000000",
            "8c1f7f0e-6b0e-4bb6-9b5e-0a4c3c0f7d1g",
        ] {
            let reason = ReplayKey::parse(bad).map_err(|invalid| invalid.reason);
            assert_eq!(reason, Err(Reason::FieldMalformed), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_tells_every_field_from_every_other() {
        let fingerprints = [
            Fingerprint::new("A").text("b").text("c"),
            Fingerprint::new("A").text("bc").text(""),
            Fingerprint::new("A").text("").text("bc"),
            Fingerprint::new("Ab").text("").text("c"),
            Fingerprint::new("A").text("b").text("c").number(0),
            Fingerprint::new("A").number(1),
        ];
        let mut bytes: Vec<_> = fingerprints.into_iter().map(Fingerprint::bytes).collect();
        bytes.sort();
        bytes.dedup();
        assert_eq!(bytes.len(), 6);
    }

    // What is stored today must be known again by every later version.
    #[test]
    fn a_fingerprint_stays_what_it_is() {
        let bytes = Fingerprint::new("CreatePost").text("hello").number(7).bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "b7568cc832d23ddc6c2e382c299a7e7fc4c9b362b10f8925b4c91e052b616617"
        );
    }

    #[test]
    fn another_request_under_the_same_id_is_told() {
        let id = Uuid::from_u128(7);
        let key = ReplayKey::new(id, Fingerprint::new("A").text("b"));
        assert_eq!(
            key.check(key.fingerprint()).map_err(|failure| failure.reason()),
            Ok(())
        );
        let other = ReplayKey::new(id, Fingerprint::new("A").text("c"));
        let refused = key.check(other.fingerprint()).map_err(|failure| failure.reason());
        assert_eq!(refused, Err(Reason::RequestIdReused));
    }
}
