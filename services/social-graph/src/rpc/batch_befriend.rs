use kith_contracts::social_graph::v1::batch_befriend_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchBefriendRequest, BatchBefriendResponse, BatchBefriendResult, FriendPair,
};
use kith_primitives::{Failure, ServiceCaller, UserId, Violations};
use kith_rpc::{Batch, status::to_rpc_status};
use kith_rules::social_graph::FRIENDSHIPS_NO_SELF_FRIENDSHIP;

use super::convert;
use crate::App;
use crate::domain::Pair;
use crate::store::{Befriended, friendships_create};

/// Each makes two rows.
const MAX: usize = 500;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID, SELF_BEFRIEND); NOT_FOUND
/// (USER_NOT_FOUND); PERMISSION_DENIED (INTERACTION_NOT_ALLOWED); ALREADY_EXISTS (FRIENDSHIP_EXISTS) unless allow_existing.
pub(super) async fn call(
    app: &App,
    _: ServiceCaller,
    request: BatchBefriendRequest,
) -> Result<BatchBefriendResponse, Failure> {
    let batch = Batch::parse("pairs", &request.pairs, MAX, parse)?;
    let pairs = batch.good();
    let outcomes = friendships_create(&app.database, &app.batches, &pairs, request.allow_existing).await?;
    Ok(BatchBefriendResponse {
        results: batch.answer(outcomes, result),
    })
}

fn parse(pair: &FriendPair) -> Result<Pair, Failure> {
    let mut violations = Violations::new();
    let user_id = violations.check("user_id", UserId::parse(pair.user_id));
    let friend_id = violations.check("friend_id", UserId::parse(pair.friend_id));
    let pair = user_id.zip(friend_id).and_then(|(user_id, friend_id)| {
        let pair = Pair::new(user_id, friend_id, &FRIENDSHIPS_NO_SELF_FRIENDSHIP);
        violations.check("friend_id", pair)
    });
    pair.ok_or_else(|| violations.into_failure())
}

fn result(outcome: Result<Befriended, Failure>) -> BatchBefriendResult {
    let existing = outcome.as_ref().is_ok_and(|befriended| befriended.existing);
    let outcome = match outcome {
        Ok(befriended) => Outcome::Friendship(convert::friendship(befriended.friendship)),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchBefriendResult {
        outcome: Some(outcome),
        existing,
    }
}
