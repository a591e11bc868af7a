use kith_contracts::posts::v1::{GetPostRequest, GetPostResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: GetPostRequest) -> Result<GetPostResponse, Failure> {
    unbuilt()
}
