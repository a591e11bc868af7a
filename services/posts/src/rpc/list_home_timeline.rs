use kith_contracts::posts::v1::{ListHomeTimelineRequest, ListHomeTimelineResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: ListHomeTimelineRequest,
) -> Result<ListHomeTimelineResponse, Failure> {
    unbuilt()
}
