use kith_contracts::posts::v1::{SharePostRequest, SharePostResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: UserCaller, _: SharePostRequest) -> Result<SharePostResponse, Failure> {
    unbuilt()
}
