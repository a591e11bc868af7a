use kith_contracts::social_graph::v1::{BlockUserRequest, BlockUserResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};
use kith_rules::social_graph::BLOCKS_NO_SELF_BLOCK;

use super::convert;
use crate::App;
use crate::domain::Pair;
use crate::store::block_create;

/// INVALID_ARGUMENT (ID_INVALID, SELF_BLOCK); NOT_FOUND (USER_NOT_FOUND); ALREADY_EXISTS (BLOCK_EXISTS) unless
/// allow_existing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: BlockUserRequest,
) -> Result<BlockUserResponse, Failure> {
    let blocked_id = Violations::only("user_id", UserId::parse(request.user_id))?;
    let pair = Pair::new(caller.user_id, blocked_id, &BLOCKS_NO_SELF_BLOCK);
    let pair = Violations::only("user_id", pair)?;
    let blocked = block_create(&app.database, pair, request.allow_existing).await?;
    Ok(BlockUserResponse {
        receipt: Some(convert::receipt(blocked.receipt, blocked.block.blocker_id)),
        block: Some(convert::block(blocked.block)),
        existing: blocked.existing,
    })
}
