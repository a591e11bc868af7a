//! Many things made, a few at the same time, while the terminal shows how far it is.

use std::pin::pin;

use futures::{StreamExt, stream};
use kith_rpc::process::AnyError;

use super::kith::Made;
use crate::terminal::Terminal;

/// How many things of one kind were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) made: u64,
    pub(crate) existing: u64,
    pub(crate) refused: u64,
}

/// Works on `items`, on so many at the same time, and notes what came of each; until the first failure.
pub(super) async fn each<T, R, F>(
    items: impl IntoIterator<Item = T>,
    in_flight: usize,
    work: impl FnMut(T) -> F,
    mut note: impl FnMut(R) -> Result<(), AnyError>,
) -> Result<(), AnyError>
where
    F: Future<Output = Result<R, AnyError>>,
{
    let mut results = pin!(stream::iter(items).map(work).buffer_unordered(in_flight));
    while let Some(result) = results.next().await {
        note(result?)?;
    }
    Ok(())
}

/// `items` in vectors of `size`.
pub(super) fn batches<T>(mut items: impl Iterator<Item = T>, size: usize) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let batch: Vec<T> = items.by_ref().take(size).collect();
        (!batch.is_empty()).then_some(batch)
    })
}

/// The making of all things of one kind.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: Terminal,
    tally: Tally,
}

impl Progress {
    /// Of `total` things, for example posts.
    pub(super) fn new(unit: &'static str, total: usize) -> Self {
        Self {
            terminal: Terminal::counting(unit, u64::try_from(total).unwrap_or(u64::MAX)),
            tally: Tally::default(),
        }
    }

    pub(super) fn note(&mut self, made: &Made) {
        match made {
            Made::New => self.tally.made += 1,
            Made::Existing => self.tally.existing += 1,
            Made::Refused(why) => {
                self.tally.refused += 1;
                self.terminal.refuse(why);
            }
        }
        let Tally {
            made,
            existing,
            refused,
        } = self.tally;
        self.terminal.count(made + existing + refused);
    }

    /// What came of them.
    pub(super) fn end(self) -> Tally {
        self.terminal.finish();
        self.tally
    }
}
