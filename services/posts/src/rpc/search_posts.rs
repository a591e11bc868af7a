use kith_contracts::posts::v1::{SearchPostsRequest, SearchPostsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: SearchPostsRequest) -> Result<SearchPostsResponse, Failure> {
    unbuilt()
}
