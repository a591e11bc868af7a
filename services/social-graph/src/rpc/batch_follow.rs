use kith_contracts::social_graph::v1::batch_follow_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchFollowRequest, BatchFollowResponse, BatchFollowResult, FollowPair,
};
use kith_primitives::{Failure, ServiceCaller, UserId, Violations};
use kith_rpc::{Batch, status::to_rpc_status};

use super::convert;
use crate::App;
use crate::domain::FollowEdge;
use crate::store::{Created, follows_create};

pub(crate) const MAX: usize = 1000;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID, SELF_FOLLOW); NOT_FOUND
/// (USER_NOT_FOUND); PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS (FOLLOW_EXISTS) unless allow_existing.
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: BatchFollowRequest,
) -> Result<BatchFollowResponse, Failure> {
    let batch = Batch::parse("pairs", &request.pairs, MAX, parse)?;
    let outcomes = follows_create(&app.database, &app.batches, &batch.good(), request.allow_existing).await?;
    Ok(BatchFollowResponse {
        results: batch.answer(outcomes, result),
    })
}

fn parse(pair: &FollowPair) -> Result<FollowEdge, Failure> {
    let mut violations = Violations::new();
    let follower_id = violations.check("follower_id", UserId::parse(pair.follower_id));
    let followed_id = violations.check("followed_id", UserId::parse(pair.followed_id));
    let edge = follower_id
        .zip(followed_id)
        .and_then(|(follower_id, followed_id)| {
            violations.check("followed_id", FollowEdge::new(follower_id, followed_id))
        });
    edge.ok_or_else(|| violations.into_failure())
}

fn result(outcome: Result<Created, Failure>) -> BatchFollowResult {
    let existing = outcome.as_ref().is_ok_and(|created| created.existing);
    let outcome = match outcome {
        Ok(created) => Outcome::Follow(convert::follow(created.follow)),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchFollowResult {
        outcome: Some(outcome),
        existing,
    }
}
