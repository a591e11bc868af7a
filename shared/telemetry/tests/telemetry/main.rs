//! Logs and traces as those who read them see them.

mod lines;
mod metrics;
mod support;
mod traces;
