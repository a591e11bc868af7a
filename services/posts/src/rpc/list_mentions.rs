use kith_contracts::posts::v1::{ListMentionsRequest, ListMentionsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListMentionsRequest,
) -> Result<ListMentionsResponse, Failure> {
    unbuilt()
}
