use kith_contracts::posts::v1::{ListLikedPostsRequest, ListLikedPostsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListLikedPostsRequest,
) -> Result<ListLikedPostsResponse, Failure> {
    unbuilt()
}
