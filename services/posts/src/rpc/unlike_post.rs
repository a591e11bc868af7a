use kith_contracts::posts::v1::{UnlikePostRequest, UnlikePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: UnlikePostRequest,
) -> Result<UnlikePostResponse, Failure> {
    unbuilt()
}
