use kith_contracts::social_graph::v1::batch_check_interactions_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchCheckInteractionsRequest, BatchCheckInteractionsResponse, BatchCheckInteractionsResult,
    InteractionDecision,
};
use kith_primitives::{Caller, Failure};
use kith_rpc::{Batch, status::to_rpc_status};

use super::check_interaction::{check, parse};
use crate::App;
use crate::store::facts_find;

const MAX: usize = 100;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_MALFORMED);
/// PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: BatchCheckInteractionsRequest,
) -> Result<BatchCheckInteractionsResponse, Failure> {
    let batch = Batch::parse("interactions", &request.interactions, MAX, parse)?;
    let interactions = batch.good();
    let max = app.friends.max_open_requests;
    let facts = facts_find(&app.database, &interactions, max).await?;
    let checks = interactions.into_iter().zip(&facts);
    let checks = checks.map(|(interaction, facts)| check(&caller, interaction, facts, max));
    Ok(BatchCheckInteractionsResponse {
        results: batch.answer(checks.collect(), result),
    })
}

fn result(decision: Result<InteractionDecision, Failure>) -> BatchCheckInteractionsResult {
    let outcome = match decision {
        Ok(decision) => Outcome::Decision(decision),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchCheckInteractionsResult {
        outcome: Some(outcome),
    }
}
