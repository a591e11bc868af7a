//! Tests against a real PostgreSQL, one module for each topic.

mod private;
