//! The private PostgreSQL launcher, with real servers, processes that are really killed, and as root where we
//! are root.

mod directory;
mod life;
mod owner;
mod scratch;
mod users;

pub(crate) use self::owner::Owner;
pub(crate) use self::scratch::{Scratch, eventually, is_skipped_without_root, processes_of, query};
