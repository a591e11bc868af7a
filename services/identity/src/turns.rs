//! Work that only so many may do at once.

use std::sync::Arc;
use std::time::Duration;

use kith_primitives::{Context, Failure, Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// So many at a time. The others wait for their turn, not longer than their deadline, and not more than so many.
#[derive(Clone, Debug)]
pub(crate) struct Turns {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Somebody's turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Turns {
    /// `at_once` have their turn, `waiting` more wait for it, and whoever comes then is sent away at once.
    pub(crate) fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + waiting)),
        }
    }

    /// Waits for a turn. SERVER_OVERLOADED when too many wait already; DEADLINE_EXCEEDED when the call's deadline passes
    /// first: whoever left must not have work done for it that others wait for.
    pub(crate) async fn take(&self) -> Result<Turn, Failure> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| overloaded())?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = match Context::current() {
            Some(context) => timeout_at(context.deadline, turn).await.map_err(|_| too_late())?,
            None => turn.await,
        };
        Ok(Turn {
            _place: place,
            _turn: turn.map_err(Failure::internal)?,
        })
    }
}

fn overloaded() -> Failure {
    Failure::new(
        Reason::ServerOverloaded,
        "too many calls of this kind wait already",
    )
    .with_retry_after(Duration::from_secs(1))
}

fn too_late() -> Failure {
    Failure::new(
        Reason::DeadlineExceeded,
        "the deadline passed while the call waited for its turn",
    )
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use kith_primitives::RequestId;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn whoever_finds_no_place_is_sent_away_at_once() {
        let turns = Turns::new(1, 1);
        let _first = turns.take().await.expect("a turn");
        let waiting = turns.take();
        tokio::pin!(waiting);
        assert!(waiting.as_mut().now_or_never().is_none());
        let third = turns.take().now_or_never().expect("no waiting");
        assert_eq!(
            third.map(|_| ()).map_err(|failure| failure.reason()),
            Err(Reason::ServerOverloaded)
        );
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_its_deadline() {
        let turns = Turns::new(1, 8);
        let first = turns.take().await.expect("a turn");
        let context = Context {
            request_id: RequestId::random(),
            deadline: Instant::now() + Duration::from_millis(5),
            peer: None,
            client: None,
        };
        let late = context.scope(turns.take()).await;
        assert_eq!(
            late.map(|_| ()).map_err(|failure| failure.reason()),
            Err(Reason::DeadlineExceeded)
        );
        drop(first);
        assert!(turns.take().await.is_ok(), "the late one left its place");
    }
}
