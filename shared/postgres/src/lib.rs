//! PostgreSQL for services: connections, transactions that mean it, errors that can be told apart, and a server of
//! one's own.
#![warn(missing_docs)]

mod abort;
mod attempt;
mod check;
mod classify;
mod counted;
mod database;
mod db_error;
mod deadline;
mod keyset;
mod lease;
mod login;
mod pool;
pub mod private;
mod query;
mod retry;
mod session;
mod settings;
mod statement;
mod tls;
mod transaction;
mod url;
mod work;

pub use abort::Abort;
pub use check::{SUPPORTED_VERSIONS, ServerProblem, server_problems};
pub use database::{Database, PoolStatus};
pub use db_error::{DbError, DbErrorKind};
/// A connection to the database, as Diesel's queries want it.
pub use diesel_async::AsyncPgConnection as Connection;
pub use keyset::{cursor, cursor_time, page_start};
pub use login::LoginProblem;
pub use query::{OptionalRow, run};
pub use settings::PoolSettings;
pub use statement::{Kept, kept, sql_query};
pub use url::{DatabaseUrl, DatabaseUrlError};
pub use work::Work;
