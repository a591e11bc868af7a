use kith_contracts::messaging::v1::{GetUnreadCountRequest, GetUnreadCountResponse};
use kith_primitives::{Failure, UserCaller};

use super::unbuilt;
use crate::App;

pub(super) async fn call(
    _: &App,
    _: UserCaller,
    _: GetUnreadCountRequest,
) -> Result<GetUnreadCountResponse, Failure> {
    unbuilt()
}
