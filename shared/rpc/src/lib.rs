//! The server kit: everything between a socket and a handler, once for all services.
//!
//! A call passes the layers in the order of [`layers::ORDER`], then the generated server decodes it, and
//! [`unary`] hands the handler its typed caller and message. Handlers answer `Result<Response, Failure>`;
//! the one conversion to a gRPC status is in [`status`].
#![warn(missing_docs)]

mod admin;
mod batch;
mod connections;
mod convert;
mod counted;
mod grpc_web;
mod handler;
mod health;
mod keys;
pub mod layers;
mod limits;
mod lingering;
mod listeners;
mod methods;
mod preface;
pub mod process;
mod reflection;
mod serve;
mod settings;
pub mod status;
mod tls;

pub use batch::Batch;
pub use connections::MAX_CONNECTIONS;
pub use convert::timestamp;
pub use grpc_web::Origins;
pub use handler::{FromCaller, unary};
pub use health::{Latch, Readiness};
pub use keys::{KeyRefresh, SIGNING_KEYS_INTERVAL, refresh_keys};
pub use listeners::{Listeners, admin_listen_address, listen};
pub use methods::{Audience, Method, Methods};
pub use serve::{Authentication, ServeError, Server};
pub use settings::{PlaintextServerSettings, ReflectionMode, ServerSettings, TokenSettings};
pub use tls::{TlsError, TlsFiles, TlsPart};

/// The largest message that a server takes or sends, in bytes: tonic's default for what it takes, while it would send
/// messages of any size.
pub const MAX_MESSAGE_BYTES: usize = kith_client::MAX_MESSAGE_BYTES;

/// The largest question to health and reflection, in bytes. No limit counts them and anybody may ask: what is taken in
/// for them must be little.
pub(crate) const MAX_UNCOUNTED_MESSAGE_BYTES: usize = 16 * 1024;
