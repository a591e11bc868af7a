//! The rules of schema `messaging`.

use crate::rules;

rules! {}

/// Columns that may not be NULL, by table.
pub static REQUIRED_COLUMNS: &[(&str, &[&str])] = &[];
