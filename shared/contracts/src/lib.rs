//! The contracts of Kith as Rust: clients, servers and messages generated from `proto/`, and the descriptor set.
//!
//! There is no logic here. What an RPC promises stands in the comments of the `.proto` files. Fields that these mark as
//! secret (`debug_redact`) are in no `Debug`.

// Generated code is held to its own generator's standards.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rust_2018_idioms,
    clippy::pedantic,
    clippy::doc_lazy_continuation,
    clippy::large_enum_variant
)]

/// The encoded `FileDescriptorSet` of every contract, its imports and the error details, custom options included.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub mod kith {
    pub mod access {
        pub mod v1 {
            tonic::include_proto!("kith.access.v1");
        }
    }
    pub mod errors {
        pub mod v1 {
            tonic::include_proto!("kith.errors.v1");
        }
    }
    pub mod identity {
        pub mod v1 {
            tonic::include_proto!("kith.identity.v1");
        }
    }
    pub mod messaging {
        pub mod v1 {
            tonic::include_proto!("kith.messaging.v1");
        }
    }
    pub mod posts {
        pub mod v1 {
            tonic::include_proto!("kith.posts.v1");
        }
    }
    pub mod social_graph {
        pub mod v1 {
            tonic::include_proto!("kith.social_graph.v1");
        }
    }
}

/// `Debug` of the messages that hold secrets, without them.
mod debug {
    include!(concat!(env!("OUT_DIR"), "/debug.rs"));
}

pub use kith::{access, errors, identity, messaging, posts, social_graph};

#[cfg(test)]
mod tests {
    use super::identity::v1::authenticate_request::Identifier;
    use super::identity::v1::{AuthenticateRequest, AuthenticateResponse};

    // Control: without the option in the contract the password was there.
    #[test]
    fn secrets_are_in_no_debug_and_all_else_is() {
        let request = AuthenticateRequest {
            identifier: Some(Identifier::Username("alice".to_owned())),
            password: "correct horse".to_owned(),
            device_label: "phone".to_owned(),
        };
        let shown = "AuthenticateRequest { password: [REDACTED], device_label: \"phone\", identifier: Some(Username(\"alice\")) }";
        assert_eq!(format!("{request:?}"), shown);
        let answer = AuthenticateResponse {
            access_token: "correct".to_owned(),
            refresh_token: "horse".to_owned(),
            ..Default::default()
        };
        let shown = format!("{answer:#?}");
        assert!(!shown.contains("correct") && !shown.contains("horse"), "{shown}");
    }
}
