use kith_contracts::posts::v1::{UpdatePostRequest, UpdatePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: UpdatePostRequest,
) -> Result<UpdatePostResponse, Failure> {
    unbuilt()
}
