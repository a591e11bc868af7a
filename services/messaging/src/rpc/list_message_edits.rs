use kith_contracts::messaging::v1::{ListMessageEditsRequest, ListMessageEditsResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListMessageEditsRequest,
) -> Result<ListMessageEditsResponse, Failure> {
    unbuilt()
}
