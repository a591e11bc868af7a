//! Channels against real servers, which answer, hang, refuse and break as told.

mod context;
mod harness;
mod limits;
mod plaintext;
mod retries;
mod servers;
mod settings;
mod spans;
mod tls;
mod tokens;
