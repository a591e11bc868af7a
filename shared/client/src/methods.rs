//! What the contracts say of each method, as far as a client asks.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, MethodOptions};

/// A method of the contracts with one request and one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unary {
    /// The contract says `idempotency_level = NO_SIDE_EFFECTS`.
    Read,
    /// Any other.
    Write,
}

/// The unary methods of Kith's contracts, by the path of a call.
static METHODS: LazyLock<HashMap<String, Unary>> =
    LazyLock::new(|| read(kith_contracts::FILE_DESCRIPTOR_SET).unwrap_or_default());

/// The method at `path`; `None` for streams, and for methods that no contract of Kith has.
pub(crate) fn find(path: &str) -> Option<Unary> {
    METHODS.get(path).copied()
}

fn read(encoded: &[u8]) -> Result<HashMap<String, Unary>, prost::DecodeError> {
    let mut methods = HashMap::new();
    for file in FileDescriptorSet::decode(encoded)?.file {
        for service in &file.service {
            let unary = service
                .method
                .iter()
                .filter(|method| !method.client_streaming() && !method.server_streaming());
            methods.extend(unary.map(|method| {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                (path, kind(method))
            }));
        }
    }
    Ok(methods)
}

fn kind(method: &MethodDescriptorProto) -> Unary {
    let level = method.options.as_ref().map(MethodOptions::idempotency_level);
    match level {
        Some(IdempotencyLevel::NoSideEffects) => Unary::Read,
        _ => Unary::Write,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_writes_and_unknown_methods_are_told_apart() {
        assert_eq!(
            find("/kith.identity.v1.IdentityService/GetUser"),
            Some(Unary::Read)
        );
        assert_eq!(
            find("/kith.identity.v1.IdentityService/Register"),
            Some(Unary::Write)
        );
        assert_eq!(find("/grpc.health.v1.Health/Watch"), None);
    }
}
