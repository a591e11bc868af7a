use chrono::{DateTime, Utc};
use kith_contracts::social_graph::v1::batch_check_follows_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchCheckFollowsRequest, BatchCheckFollowsResponse, BatchCheckFollowsResult, FollowCheck, FollowPair,
};
use kith_primitives::{Caller, Failure, UserId, Violations};
use kith_rpc::{Batch, status::to_rpc_status, timestamp};

use crate::App;
use crate::store::{Edge, follows_find};

const MAX: usize = 100;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: BatchCheckFollowsRequest,
) -> Result<BatchCheckFollowsResponse, Failure> {
    let batch = Batch::parse("pairs", &request.pairs, MAX, parse)?;
    let sinces = follows_find(&app.database, &batch.good()).await?;
    Ok(BatchCheckFollowsResponse {
        results: batch.answer(sinces.into_iter().map(Ok).collect(), result),
    })
}

fn parse(pair: &FollowPair) -> Result<Edge, Failure> {
    let mut violations = Violations::new();
    let follower_id = violations.check("follower_id", UserId::parse(pair.follower_id));
    let followed_id = violations.check("followed_id", UserId::parse(pair.followed_id));
    match (follower_id, followed_id) {
        (Some(follower_id), Some(followed_id)) => Ok(Edge {
            follower_id,
            followed_id,
        }),
        _ => Err(violations.into_failure()),
    }
}

fn result(since: Result<Option<DateTime<Utc>>, Failure>) -> BatchCheckFollowsResult {
    let outcome = match since {
        Ok(since) => Outcome::Check(FollowCheck {
            is_following: since.is_some(),
            since: since.map(timestamp),
        }),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchCheckFollowsResult {
        outcome: Some(outcome),
    }
}
