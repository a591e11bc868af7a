//! The contracts of Kith as Rust: clients, servers and messages generated from `proto/`, and the descriptor set.
//!
//! There is no logic here. What an RPC promises stands in the comments of the `.proto` files.

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
    pub mod social_graph {
        pub mod v1 {
            tonic::include_proto!("kith.social_graph.v1");
        }
    }
}

pub use kith::{access, errors, identity, social_graph};
