//! What tests stand on: a private PostgreSQL, a database for each test, and the real servers in this process.
//!
//! ```no_run
//! # use kith_testkit::TestApp;
//! # use kith_contracts::identity::v1::GetUserRequest;
//! # async fn test() {
//! let app = TestApp::start().await;
//! let alice = app.user("alice").await;
//! let answer = app.identity(&alice).get_user(GetUserRequest { user_id: alice.id }).await;
//! # }
//! ```
//!
//! The servers are the shipped ones, with every layer, on ports of their own. Nothing must be started by hand, and
//! nothing is left behind: the PostgreSQL of a test binary ends with its process.
#![warn(missing_docs)]
// A test that cannot be set up has failed; there is nobody to hand an error to.
#![allow(clippy::missing_panics_doc)]

mod app;
mod callers;
mod calls;
mod cluster;
mod database;
mod refusal;
mod rpc_files;
mod services;
mod sql;

pub use app::{AppOptions, TestApp, not_ready, ready};
pub use callers::{Bearer, Caller, Credentials, TestUser};
pub use calls::{answer, refusal};
pub use cluster::{OWNER, cluster};
pub use database::TestDatabase;
pub use refusal::Refusal;
pub use rpc_files::assert_each_rpc_has_its_tests;
pub use sql::{Uncommitted, count, execute};
