//! What every service has that is not identity: settings, and what runs around its RPCs.
//!
//! Identity has its own, since it signs the tokens that the others verify.
#![warn(missing_docs)]

mod run;
mod settings;

pub use run::run;
pub use settings::{IDENTITY_URL, OwnSettings, ServiceSettings};
