use std::sync::Arc;

use kith_primitives::Failure;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many batches write at the same time: each holds a lock for each of its pairs, and the database has a limited number
/// of them for all.
pub(crate) const AT_ONCE: usize = 4;

/// Lets batches write, a few at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Batches(Arc<Semaphore>);

impl Batches {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Waits for a turn, which lasts as long as the permit.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Failure> {
        self.0.acquire().await.map_err(Failure::internal)
    }
}
