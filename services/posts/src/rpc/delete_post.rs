use kith_contracts::posts::v1::{DeletePostRequest, DeletePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: DeletePostRequest,
) -> Result<DeletePostResponse, Failure> {
    unbuilt()
}
