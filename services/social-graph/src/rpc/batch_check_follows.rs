use kith_contracts::social_graph::v1::batch_check_follows_result::Outcome;
use kith_contracts::social_graph::v1::{
    BatchCheckFollowsRequest, BatchCheckFollowsResponse, BatchCheckFollowsResult, FollowCheck, FollowPair,
};
use kith_primitives::{Caller, Failure, UserId, Violations};
use kith_rpc::{batch_of, status::to_rpc_status, timestamp};

use crate::App;
use crate::store::{Edge, follows_find};

const MAX: usize = 100;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID).
pub(super) async fn call(
    app: &App,
    _: Caller,
    request: BatchCheckFollowsRequest,
) -> Result<BatchCheckFollowsResponse, Failure> {
    let pairs = batch_of("pairs", request.pairs, MAX)?;
    let parsed: Vec<_> = pairs
        .into_iter()
        .enumerate()
        .map(|(place, pair)| parse(place, pair))
        .collect();
    let edges: Vec<Edge> = parsed.iter().flatten().copied().collect();
    let mut sinces = follows_find(&app.database, &edges).await?.into_iter();
    let results = parsed.into_iter().map(|parsed| {
        let outcome = match parsed {
            Ok(_) => {
                let since = sinces.next().flatten();
                Outcome::Check(FollowCheck {
                    is_following: since.is_some(),
                    since: since.map(timestamp),
                })
            }
            Err(failure) => Outcome::Error(to_rpc_status(&failure)),
        };
        BatchCheckFollowsResult {
            outcome: Some(outcome),
        }
    });
    Ok(BatchCheckFollowsResponse {
        results: results.collect(),
    })
}

fn parse(place: usize, pair: FollowPair) -> Result<Edge, Failure> {
    let mut violations = Violations::new();
    let follower_id = violations.check("follower_id", UserId::parse(pair.follower_id));
    let followed_id = violations.check("followed_id", UserId::parse(pair.followed_id));
    match (follower_id, followed_id) {
        (Some(follower_id), Some(followed_id)) => Ok(Edge {
            follower_id,
            followed_id,
        }),
        _ => Err(violations.into_failure().within(&format!("pairs[{place}]"))),
    }
}
