use kith_contracts::posts::v1::{GetThreadRequest, GetThreadResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: GetThreadRequest) -> Result<GetThreadResponse, Failure> {
    unbuilt()
}
