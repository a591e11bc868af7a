//! Imports: reading files, and sending what is in them in batches.

mod edges;
mod importer;
mod ties;
mod users;

pub(crate) use self::importer::{Summary, import_edges};
pub(crate) use self::ties::{Tied, Ties};
