//! The real server, over real connections, around handlers that do what each test tells them.
//!
//! A comment "Control" says which line of the guard was taken out, and that the test failed then.

mod access;
mod admin;
mod connections;
mod deadlines;
mod descriptors;
mod disconnects;
mod drain;
mod errors;
mod floods;
mod grpc_web;
mod harness;
mod health;
mod keys;
mod limits;
mod messages;
mod metrics;
mod panics;
mod peers;
mod reflection;
mod request_ids;
mod tls;
