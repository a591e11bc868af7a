//! PostgreSQL for every service: the pool, transactions, the classifier of errors, and a private server.
#![warn(missing_docs)]

pub mod private;
