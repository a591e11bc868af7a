use kith_contracts::posts::v1::{ListSharedPostsRequest, ListSharedPostsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListSharedPostsRequest,
) -> Result<ListSharedPostsResponse, Failure> {
    unbuilt()
}
