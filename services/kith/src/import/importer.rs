//! Sends an edge list: users through identity, follows through social-graph, a few batches at the same time.

use std::io::BufRead;
use std::time::{Duration, Instant};

use kith_contracts::social_graph::v1::batch_follow_result::Outcome;
use kith_contracts::social_graph::v1::{BatchFollowRequest, BatchFollowResult, FollowPair};
use kith_rpc::process::AnyError;
use tokio::task::{JoinError, JoinSet};
use tonic::{Request, Status};

use super::Terminal;
use super::edges::{Edge, Edges, LeftOut};
use super::operator::Operator;
use super::users::Users;
use crate::retry::with_retries;

/// The most items that an RPC takes.
pub(super) const BATCH: usize = 1000;
/// How many batches are on their way at most: each holds locks in the database.
const IN_FLIGHT: usize = 4;
/// How long one call may take.
pub(super) const CALL_WITHIN: Duration = Duration::from_secs(30);

/// What came of an import.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) users_made: u64,
    pub(crate) users_existing: u64,
    pub(crate) follows_made: u64,
    pub(crate) follows_existing: u64,
    /// Bad lines, and lines that a service refused.
    pub(crate) skipped: u64,
    pub(crate) left_out: LeftOut,
    pub(crate) took: Duration,
}

/// Imports the edges of `input`: a user `u<number>` for each number, a follow for each edge. What is there already
/// stays, so that it may be repeated.
pub(crate) async fn import_edges(
    input: impl BufRead,
    operator: Operator,
    terminal: &mut Terminal,
) -> Result<Summary, AnyError> {
    let began = Instant::now();
    let mut edges = Edges::new(input);
    let mut importer = Importer {
        operator,
        terminal,
        users: Users::default(),
        in_flight: JoinSet::new(),
        made: 0,
        existing: 0,
    };
    loop {
        let batch = edges.next_batch(BATCH, |line, bad| importer.terminal.skip(line, bad));
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
        follows_made: made,
        follows_existing: existing,
        skipped: terminal.skipped(),
        left_out: edges.left_out(),
        took: began.elapsed(),
    })
}

/// A batch that was sent.
struct Sent {
    edges: Vec<Edge>,
    results: Vec<BatchFollowResult>,
    /// How much of the file was read when it was.
    bytes: u64,
}

struct Importer<'a> {
    operator: Operator,
    terminal: &'a mut Terminal,
    users: Users,
    in_flight: JoinSet<Result<Sent, Status>>,
    made: u64,
    existing: u64,
}

impl Importer<'_> {
    /// Makes the users of `edges`, then sends the follows on their way.
    async fn send(&mut self, edges: Vec<Edge>, bytes: u64) -> Result<(), AnyError> {
        self.leave_in_flight(IN_FLIGHT - 1).await?;
        let refused = self.users.make(&self.operator, &edges).await?;
        let (mut sent, mut pairs) = (Vec::with_capacity(edges.len()), Vec::with_capacity(edges.len()));
        for edge in edges {
            match (self.users.id(edge.from), self.users.id(edge.to)) {
                (Some(follower_id), Some(followed_id)) => {
                    sent.push(edge);
                    pairs.push(FollowPair {
                        follower_id,
                        followed_id,
                    });
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
        let operator = self.operator.clone();
        self.in_flight.spawn(async move {
            let results = follow(&operator, &pairs).await?;
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
        } = sent?.map_err(|status| format!("social-graph refused the follows: {}", status.message()))?;
        if results.len() != edges.len() {
            return Err("social-graph answered another number of follows than it was asked for".into());
        }
        for (edge, result) in edges.iter().zip(results) {
            match result.outcome {
                Some(Outcome::Follow(_)) if result.existing => self.existing += 1,
                Some(Outcome::Follow(_)) => self.made += 1,
                Some(Outcome::Error(status)) => self.terminal.skip(edge.line, &status.message),
                None => self
                    .terminal
                    .skip(edge.line, &"social-graph answered neither a follow nor an error"),
            }
        }
        self.terminal.advance(bytes, self.made + self.existing);
        Ok(())
    }
}

async fn follow(operator: &Operator, pairs: &[FollowPair]) -> Result<Vec<BatchFollowResult>, Status> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let answer = with_retries(async || {
        let mut request = Request::new(BatchFollowRequest {
            pairs: pairs.to_vec(),
            allow_existing: true,
        });
        request.set_timeout(CALL_WITHIN);
        operator.social_graph().batch_follow(request).await
    });
    Ok(answer.await?.into_inner().results)
}
