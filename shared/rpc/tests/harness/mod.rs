//! A real server around handlers that do what a test tells them, and callers of every kind.

mod admin;
mod certificates;
mod child;
mod connection;
mod frames;
mod graph;
mod identity;
mod logs;
mod refusal;
mod server;
pub(crate) mod web;

use std::future::Future;
use std::time::Duration;

pub(crate) use admin::ask;
pub(crate) use certificates::{Authority, Mount};
pub(crate) use child::{Child, ChildOptions};
pub(crate) use connection::{Connection, message_of};
pub(crate) use frames::{RawConnection, calls_and_resets};
pub(crate) use graph::{Graph, Plan};
pub(crate) use identity::Identity;
pub(crate) use logs::{access_line, capture_logs, count_lines, line};
pub(crate) use refusal::refused;
pub(crate) use server::{ISSUER, TestServer, with, within};

/// Waits for what must happen soon. A test that would wait for ever fails instead.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    let limit = tokio::time::timeout(Duration::from_secs(30), future);
    limit.await.expect("it did not happen within 30 seconds")
}
