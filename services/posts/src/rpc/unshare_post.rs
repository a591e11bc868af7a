use kith_contracts::posts::v1::{UnsharePostRequest, UnsharePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: UnsharePostRequest,
) -> Result<UnsharePostResponse, Failure> {
    unbuilt()
}
