//! Follows and friendships, in batches; and open friend requests.

use kith_contracts::social_graph::v1::{SendFriendRequestOutcome, SendFriendRequestRequest};
use kith_rpc::process::AnyError;

use super::flow::{Progress, Tally, batches, each};
use super::kith::{IN_FLIGHT, Kith, Made, ask, failed};
use super::plan::{Plan, PlannedRequest};
use crate::import::{Tied, Ties};

/// How many batches are on their way: each holds locks in the database.
const BATCHES_IN_FLIGHT: usize = 4;

/// Makes the follows of the plan.
pub(super) async fn follow(kith: &Kith, plan: &Plan, ids: &[i64]) -> Result<Tally, AnyError> {
    let count = (0..plan.users()).map(|index| plan.follows_count(index)).sum();
    let of_user = |index: usize| {
        plan.follows(index)
            .into_iter()
            .map(move |other| (ids[index], ids[other]))
    };
    tie(kith, Ties::Follows, count, (0..plan.users()).flat_map(of_user)).await
}

/// Makes the friendships of the plan.
pub(super) async fn befriend(kith: &Kith, plan: &Plan, ids: &[i64]) -> Result<Tally, AnyError> {
    let count = (0..plan.users()).map(|index| plan.friends_count(index)).sum();
    let of_user = |index: usize| {
        plan.friends(index)
            .into_iter()
            .map(move |other| (ids[index], ids[other]))
    };
    tie(
        kith,
        Ties::Friendships,
        count,
        (0..plan.users()).flat_map(of_user),
    )
    .await
}

async fn tie(
    kith: &Kith,
    ties: Ties,
    count: usize,
    pairs: impl Iterator<Item = (i64, i64)>,
) -> Result<Tally, AnyError> {
    let mut progress = Progress::new(ties.name(), count);
    let work = async |batch: Vec<(i64, i64)>| {
        let tied = ties.make(&kith.operator, &batch).await;
        tied.map_err(|status| failed("social-graph", &status))
    };
    each(batches(pairs, ties.batch()), BATCHES_IN_FLIGHT, work, |results| {
        for tied in results {
            progress.note(&match tied {
                Tied::New => Made::New,
                Tied::Existing => Made::Existing,
                Tied::Refused(why) => Made::Refused(why),
            });
        }
        Ok(())
    })
    .await?;
    Ok(progress.end())
}

/// Makes the open friend requests of the plan.
pub(super) async fn request(kith: &Kith, plan: &Plan, ids: &[i64]) -> Result<Tally, AnyError> {
    // All but one of eight users have one.
    let mut progress = Progress::new("requests", plan.users() - plan.users() / 8);
    let requests = (0..plan.users()).filter_map(|index| plan.friend_request(index));
    let work = async |request| send(kith, ids, request).await;
    each(requests, IN_FLIGHT, work, |made| {
        progress.note(&made);
        Ok(())
    })
    .await?;
    Ok(progress.end())
}

async fn send(kith: &Kith, ids: &[i64], planned: PlannedRequest) -> Result<Made, AnyError> {
    let message = SendFriendRequestRequest {
        user_id: ids[planned.to],
        note: planned.note,
        allow_existing: true,
    };
    let answer = ask(message, |request| {
        let mut social_graph = kith.social_graph(ids[planned.from]);
        async move { social_graph.send_friend_request(request).await }
    });
    match answer.await {
        Ok(answer) => Ok(Made::new_unless(
            answer.outcome() == SendFriendRequestOutcome::Existing,
        )),
        Err(status) => Made::of_failure("social-graph", &status),
    }
}
