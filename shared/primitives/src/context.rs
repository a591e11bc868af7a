//! What a call carries along unseen: its request id and its deadline.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use crate::RequestId;

tokio::task_local! {
    static CURRENT: Context;
}

/// The call that the current task works for.
#[derive(Clone, Debug)]
pub struct Context {
    /// The id that stands in every log line and error of this call.
    pub request_id: RequestId,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// The network address that the call came from, if one is known.
    pub peer: Option<IpAddr>,
    /// The network address that the caller's user calls from, as the service says that passes the call on.
    pub client: Option<IpAddr>,
}

impl Context {
    /// Runs `future` for this call.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs `future` for the current call, for at least so long, whether or not its caller stops waiting before: for a change
    /// that takes long, and that every other attempt would have to begin anew.
    pub async fn at_least<F: Future>(least: Duration, future: F) -> F::Output {
        match Self::current() {
            Some(context) => {
                let deadline = context.deadline.max(Instant::now() + least);
                Context { deadline, ..context }.scope(future).await
            }
            None => future.await,
        }
    }

    /// The call that this task works for; `None` in background work.
    pub fn current() -> Option<Context> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The network address that the call came from, or is said to come from, for its owner to recognise; empty when it is
    /// not known.
    pub fn client_address() -> String {
        let address = CURRENT.try_with(|context| context.client.or(context.peer));
        let address = address.ok().flatten();
        address
            .map(|address| address.to_canonical().to_string())
            .unwrap_or_default()
    }

    /// How long until the deadline; `None` in background work, zero when it has passed.
    pub fn time_left() -> Option<Duration> {
        CURRENT
            .try_with(|context| context.deadline.saturating_duration_since(Instant::now()))
            .ok()
    }
}
