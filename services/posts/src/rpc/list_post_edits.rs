use kith_contracts::posts::v1::{ListPostEditsRequest, ListPostEditsResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListPostEditsRequest,
) -> Result<ListPostEditsResponse, Failure> {
    unbuilt()
}
