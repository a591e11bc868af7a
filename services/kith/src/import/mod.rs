//! Imports: reading files, and sending what is in them in batches.

mod edges;
mod importer;
mod operator;
mod terminal;
mod users;

pub(crate) use self::importer::{Summary, import_edges};
pub(crate) use self::operator::{Operator, OperatorSettings};
pub(crate) use self::terminal::{Terminal, rate};
