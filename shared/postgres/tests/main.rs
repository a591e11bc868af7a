//! Tests against a real PostgreSQL, one module for each topic.

mod check;
mod classify;
mod commit;
mod conflicts;
mod counted;
mod deadlines;
mod hang_ups;
mod pool;
mod private;
mod proxy;
mod scene;
mod statements;
mod tls;
mod transactions;
