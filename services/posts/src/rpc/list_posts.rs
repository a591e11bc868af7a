use kith_contracts::posts::v1::{ListPostsRequest, ListPostsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: ListPostsRequest) -> Result<ListPostsResponse, Failure> {
    unbuilt()
}
