use kith_contracts::posts::v1::{LikePostRequest, LikePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: UserCaller, _: LikePostRequest) -> Result<LikePostResponse, Failure> {
    unbuilt()
}
