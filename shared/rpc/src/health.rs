//! Health as `grpc.health.v1` tells it, and what it depends on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tonic_health::server::HealthReporter;

/// What must be there before a service can serve, each part a latch of its own.
///
/// A service serves while every latch is set. There is always at least one, so nothing serves by default.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    latches: Mutex<Vec<(&'static str, bool)>>,
    ready: watch::Sender<bool>,
    has_been_ready: AtomicBool,
}

impl Readiness {
    /// Without any part yet, and so not ready.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            latches: Mutex::new(Vec::new()),
            ready: watch::Sender::new(false),
            has_been_ready: AtomicBool::new(false),
        }))
    }

    /// Adds a part that must be there; it is not, until its latch says so.
    pub fn latch(&self, part: &'static str) -> Latch {
        let mut latches = self.0.latches.lock().unwrap_or_else(PoisonError::into_inner);
        latches.push((part, false));
        self.0.ready.send_replace(false);
        Latch {
            shared: Arc::clone(&self.0),
            index: latches.len() - 1,
        }
    }

    /// Whether everything is there now.
    pub fn is_ready(&self) -> bool {
        *self.0.ready.borrow()
    }

    /// Whether everything has been there at some moment.
    pub fn has_been_ready(&self) -> bool {
        self.0.has_been_ready.load(Ordering::Acquire)
    }

    /// Every part, and whether it is there now.
    pub fn parts(&self) -> Vec<(&'static str, bool)> {
        self.0
            .latches
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The parts that are missing now.
    pub fn missing(&self) -> Vec<&'static str> {
        let parts = self.parts().into_iter();
        parts.filter(|(_, set)| !set).map(|(part, _)| part).collect()
    }

    /// Follows the changes.
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.ready.subscribe()
    }

    /// Returns once everything is there.
    pub async fn ready(&self) {
        let mut changes = self.subscribe();
        // The sender lives in `self`, so waiting can only end well.
        let _ = changes.wait_for(|ready| *ready).await;
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self::new()
    }
}

/// One part of [`Readiness`].
#[derive(Debug)]
pub struct Latch {
    shared: Arc<Shared>,
    index: usize,
}

impl Latch {
    /// Says whether the part is there. Logs only when that changes.
    pub fn set(&self, there: bool) {
        let mut latches = self.shared.latches.lock().unwrap_or_else(PoisonError::into_inner);
        let (part, was) = latches[self.index];
        if was != there {
            latches[self.index].1 = there;
            tracing::info!(part, ready = there, "readiness changed");
        }
        let all = latches.iter().all(|(_, set)| *set);
        if all {
            self.shared.has_been_ready.store(true, Ordering::Release);
        }
        self.shared
            .ready
            .send_if_modified(|ready| std::mem::replace(ready, all) != all);
    }
}

/// Keeps the health service's answers equal to `readiness` until `shutdown`, then says NOT_SERVING for good.
///
/// It begins at NOT_SERVING, and tells changes only: watchers would be told of each repetition.
pub(crate) async fn report(
    reporter: HealthReporter,
    service: &'static str,
    readiness: Readiness,
    shutdown: tokio_util::sync::CancellationToken,
) {
    let mut changes = readiness.subscribe();
    let mut told = false;
    while !shutdown.is_cancelled() {
        let ready = *changes.borrow_and_update();
        if ready != told {
            set(&reporter, service, ready).await;
            told = ready;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = changes.changed() => {}
        }
    }
    if told {
        set(&reporter, service, false).await;
    }
}

/// The empty name is the whole process; tonic-health would have it SERVING from the start.
pub(crate) async fn set(reporter: &HealthReporter, service: &'static str, serving: bool) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    for name in ["", service] {
        reporter
            .set_service_status(name, if serving { Serving } else { NotServing })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_must_be_there() {
        let readiness = Readiness::new();
        let (database, keys) = (readiness.latch("database"), readiness.latch("signing keys"));
        database.set(true);
        assert_eq!(
            (readiness.is_ready(), readiness.missing()),
            (false, vec!["signing keys"])
        );
        keys.set(true);
        assert!(readiness.is_ready());
        database.set(false);
        assert_eq!(
            (readiness.is_ready(), readiness.missing()),
            (false, vec!["database"])
        );
    }

    #[test]
    fn a_new_part_is_missing_first() {
        let readiness = Readiness::new();
        readiness.latch("database").set(true);
        let _keys = readiness.latch("signing keys");
        assert!(!readiness.is_ready());
    }
}
