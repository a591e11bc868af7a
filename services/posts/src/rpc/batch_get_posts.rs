use kith_contracts::posts::v1::{BatchGetPostsRequest, BatchGetPostsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: BatchGetPostsRequest,
) -> Result<BatchGetPostsResponse, Failure> {
    unbuilt()
}
