use kith_contracts::posts::v1::{ListLikersRequest, ListLikersResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: ListLikersRequest) -> Result<ListLikersResponse, Failure> {
    unbuilt()
}
