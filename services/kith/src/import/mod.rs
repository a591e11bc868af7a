//! Imports: reading files, and sending what is in them in batches.

mod edges;
mod importer;
mod users;

pub(crate) use self::importer::{SCOPES, Summary, import_edges};
