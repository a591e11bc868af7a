//! Sends an edge list: users through identity, ties through social-graph, a few batches at the same time.

use std::io::BufRead;
use std::time::{Duration, Instant};

use kith_rpc::process::AnyError;
use tokio::task::{JoinError, JoinSet};
use tonic::Status;

use super::edges::{Edge, Edges, LeftOut};
use super::ties::{Tied, Ties};
use super::users::Users;
use crate::operator::Operator;
use crate::terminal::Terminal;

/// How many batches are on their way at most: each holds locks in the database.
const IN_FLIGHT: usize = 4;

/// What came of an import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) users_made: u64,
    pub(crate) users_existing: u64,
    pub(crate) ties: Ties,
    pub(crate) ties_made: u64,
    pub(crate) ties_existing: u64,
    /// Bad lines, and lines that a service refused.
    pub(crate) skipped: u64,
    pub(crate) left_out: LeftOut,
    pub(crate) took: Duration,
}

/// Imports the edges of `input`: a user `u<number>` for each number, and one of `ties` for each edge. What is there already
/// stays, so that it may be repeated.
pub(crate) async fn import_edges(
    input: impl BufRead,
    ties: Ties,
    operator: Operator,
    terminal: &mut Terminal,
) -> Result<Summary, AnyError> {
    let began = Instant::now();
    let mut edges = Edges::new(input, ties.are_directed());
    let mut importer = Importer {
        operator,
        terminal,
        ties,
        users: Users::default(),
        in_flight: JoinSet::new(),
        made: 0,
        existing: 0,
    };
    loop {
        let batch = edges.next_batch(ties.batch(), |line, bad| importer.terminal.skip(line, bad));
        let batch = batch.map_err(|error| format!("cannot read on: {error}"))?;
        if batch.is_empty() {
            break;
        }
        importer.send(batch, edges.bytes()).await?;
    }
    importer.leave_in_flight(0).await?;
    let Importer {
        users,
        made,
        existing,
        ..
    } = importer;
    terminal.finish();
    Ok(Summary {
        users_made: users.made,
        users_existing: users.existing,
        ties,
        ties_made: made,
        ties_existing: existing,
        skipped: terminal.skipped(),
        left_out: edges.left_out(),
        took: began.elapsed(),
    })
}

/// A batch that was sent.
struct Sent {
    edges: Vec<Edge>,
    results: Vec<Tied>,
    /// How much of the file was read when it was.
    bytes: u64,
}

struct Importer<'a> {
    operator: Operator,
    terminal: &'a mut Terminal,
    ties: Ties,
    users: Users,
    in_flight: JoinSet<Result<Sent, Status>>,
    made: u64,
    existing: u64,
}

impl Importer<'_> {
    /// Makes the users of `edges`, then sends the ties on their way.
    async fn send(&mut self, edges: Vec<Edge>, bytes: u64) -> Result<(), AnyError> {
        self.leave_in_flight(IN_FLIGHT - 1).await?;
        let refused = self.users.make(&self.operator, &edges).await?;
        let (mut sent, mut pairs) = (Vec::with_capacity(edges.len()), Vec::with_capacity(edges.len()));
        for edge in edges {
            match (self.users.id(edge.from), self.users.id(edge.to)) {
                (Some(from), Some(to)) => {
                    sent.push(edge);
                    pairs.push((from, to));
                }
                _ => {
                    let numbers = [edge.from, edge.to];
                    let why = numbers
                        .iter()
                        .find_map(|number| Some(format!("u{number}: {}", refused.get(number)?)));
                    self.terminal.skip(edge.line, &why.unwrap_or_default());
                }
            }
        }
        let (ties, operator) = (self.ties, self.operator.clone());
        self.in_flight.spawn(async move {
            let results = ties.make(&operator, &pairs).await?;
            Ok(Sent {
                edges: sent,
                results,
                bytes,
            })
        });
        Ok(())
    }

    /// Waits until at most `most` batches are on their way.
    async fn leave_in_flight(&mut self, most: usize) -> Result<(), AnyError> {
        while self.in_flight.len() > most {
            if let Some(sent) = self.in_flight.join_next().await {
                self.note(sent)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, sent: Result<Result<Sent, Status>, JoinError>) -> Result<(), AnyError> {
        let Sent {
            edges,
            results,
            bytes,
        } = sent?.map_err(|status| {
            format!(
                "social-graph refused the {}: {}",
                self.ties.name(),
                status.message()
            )
        })?;
        if results.len() != edges.len() {
            let name = self.ties.name();
            return Err(
                format!("social-graph answered another number of {name} than it was asked for").into(),
            );
        }
        for (edge, result) in edges.iter().zip(results) {
            match result {
                Tied::New => self.made += 1,
                Tied::Existing => self.existing += 1,
                Tied::Refused(why) => self.terminal.skip(edge.line, &why),
            }
        }
        self.terminal.advance(bytes, self.made + self.existing);
        Ok(())
    }
}
