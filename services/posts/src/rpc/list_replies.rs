use kith_contracts::posts::v1::{ListRepliesRequest, ListRepliesResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(_: &App, _: Caller, _: ListRepliesRequest) -> Result<ListRepliesResponse, Failure> {
    unbuilt()
}
