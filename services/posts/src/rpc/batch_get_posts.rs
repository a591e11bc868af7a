use std::collections::HashMap;

use kith_contracts::posts::v1::batch_get_posts_result::Outcome;
use kith_contracts::posts::v1::{BatchGetPostsRequest, BatchGetPostsResponse, BatchGetPostsResult, Post};
use kith_primitives::{Caller, Failure, PostId, Violations};
use kith_rpc::{Batch, status::to_rpc_status};

use super::convert;
use crate::App;
use crate::store::{PostRow, post_not_found, posts_find};

const MAX: usize = 100;

/// INVALID_ARGUMENT (BATCH_TOO_LARGE). Of an item: INVALID_ARGUMENT (ID_INVALID); NOT_FOUND (POST_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: BatchGetPostsRequest,
) -> Result<BatchGetPostsResponse, Failure> {
    let batch = Batch::parse("post_ids", &request.post_ids, MAX, |id| {
        Violations::only("", PostId::parse(*id))
    })?;
    let ids = batch.good();
    let wanted: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let rows = posts_find(&app.database, caller.user_id(), &wanted).await?;
    let rows: HashMap<i64, PostRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let posts = ids.iter().map(|id| {
        let row = rows.get(&id.get()).cloned().ok_or_else(|| post_not_found(*id))?;
        convert::post(&caller, row)
    });
    Ok(BatchGetPostsResponse {
        results: batch.answer(posts.collect(), result),
    })
}

fn result(post: Result<Post, Failure>) -> BatchGetPostsResult {
    let outcome = match post {
        Ok(post) => Outcome::Post(post),
        Err(failure) => Outcome::Error(to_rpc_status(&failure)),
    };
    BatchGetPostsResult {
        outcome: Some(outcome),
    }
}
