//! The one database schema of Kith: migrations, roles, `table!` declarations and invariants.
//!
//! The errors that broken rules give stand in `kith-rules`; the tests here compare the two.
#![warn(missing_docs)]

mod bootstrap;
mod connect;
mod error;
pub mod invariants;
mod lock;
mod migrate;
mod rights;
mod role;
pub mod tables;
mod watch;

pub use bootstrap::{
    Bootstrapped, LcMessages, apply_role_settings, bootstrap, role_setting_statement, role_settings, unfit,
};
pub use error::SchemaError;
pub use migrate::{Progress, migrate, pending, revert_all, unknown};
pub use rights::{OpenRight, Right, held_rights, published_rights, rights_of_everybody};
pub use role::{Role, RolePasswords};
pub use watch::watch;

/// The rules that a trigger raises under a constraint's name, for which `pg_constraint` and `pg_index` have no entry.
pub const TRIGGER_RULES: &[&str] = &[
    "social_graph_follows_not_blocked",
    "social_graph_friend_requests_not_blocked",
    "social_graph_friend_requests_not_friends",
    "social_graph_friendships_not_blocked",
    "social_graph_friendships_no_request",
];
