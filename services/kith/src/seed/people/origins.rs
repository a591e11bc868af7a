//! Where registrations come from.

use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::ExposeSecret;
use tonic::{Request, Status};

use crate::seed::kith::Kith;

/// The networks that RFC 5737 keeps for documentation: nobody's registrations are counted there.
const NETWORKS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// Where registrations come from: each from an address of its own, as from a service that passes them on, or identity would
/// take all of them for one caller's and hold that one back.
pub(super) struct Origins {
    /// Of all addresses, the one of the first user. Another one in each run.
    first: usize,
}

impl Origins {
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            first: usize::try_from(now.subsec_micros()).unwrap_or_default(),
        }
    }

    /// Has a registration come from where the user with this index is said to be.
    pub(super) fn pass_on<M>(
        &self,
        kith: &Kith,
        request: &mut Request<M>,
        index: usize,
    ) -> Result<(), Status> {
        let internal = |problem: String| Status::internal(problem);
        let token = kith
            .local
            .operator_token([])
            .map_err(|error| internal(error.to_string()))?;
        let headers = [
            (
                "x-kith-service-authorization",
                format!("Bearer {}", token.expose_secret()),
            ),
            ("x-kith-client-address", self.address(index)),
        ];
        for (name, value) in headers {
            let value = value
                .parse()
                .map_err(|_| internal(format!("{name} is not ASCII")))?;
            request.metadata_mut().insert(name, value);
        }
        Ok(())
    }

    fn address(&self, index: usize) -> String {
        let place = self.first + index;
        let [a, b, c] = NETWORKS[place % NETWORKS.len()];
        let host = 1 + place / NETWORKS.len() % 254;
        format!("{a}.{b}.{c}.{host}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn hardly_two_users_register_from_one_address() {
        let origins = Origins { first: 999_999 };
        let addresses: BTreeSet<String> = (0..1000).map(|index| origins.address(index)).collect();
        assert_eq!(addresses.len(), 3 * 254);
        assert!(addresses.contains("203.0.113.254") && !addresses.contains("192.0.2.0"));
    }
}
