use kith_contracts::posts::v1::{CreatePostRequest, CreatePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: CreatePostRequest,
) -> Result<CreatePostResponse, Failure> {
    unbuilt()
}
