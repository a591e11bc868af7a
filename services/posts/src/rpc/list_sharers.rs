use kith_contracts::posts::v1::{ListSharersRequest, ListSharersResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: ListSharersRequest) -> Result<ListSharersResponse, Failure> {
    unbuilt()
}
