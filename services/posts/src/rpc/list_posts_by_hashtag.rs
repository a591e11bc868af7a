use kith_contracts::posts::v1::{ListPostsByHashtagRequest, ListPostsByHashtagResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListPostsByHashtagRequest,
) -> Result<ListPostsByHashtagResponse, Failure> {
    unbuilt()
}
