use kith_contracts::posts::v1::{ListPostsByAuthorRequest, ListPostsByAuthorResponse};
use kith_primitives::{Caller, Failure};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: Caller,
    _: ListPostsByAuthorRequest,
) -> Result<ListPostsByAuthorResponse, Failure> {
    unbuilt()
}
