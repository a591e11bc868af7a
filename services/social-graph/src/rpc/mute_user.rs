use kith_contracts::social_graph::v1::{MuteUserRequest, MuteUserResponse};
use kith_primitives::{Failure, UserCaller, UserId, Violations};
use kith_rules::social_graph::MUTES_NO_SELF_MUTE;

use super::convert;
use crate::App;
use crate::domain::{MuteTtl, Pair};
use crate::store::mute_create;

/// INVALID_ARGUMENT (ID_INVALID, SELF_MUTE, DURATION_INVALID); NOT_FOUND (USER_NOT_FOUND); ALREADY_EXISTS (MUTE_EXISTS)
/// unless allow_existing.
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: MuteUserRequest,
) -> Result<MuteUserResponse, Failure> {
    let (pair, ttl) = parse(caller.user_id, &request)?;
    let muted = mute_create(&app.database, pair, ttl, request.allow_existing).await?;
    Ok(MuteUserResponse {
        mute: Some(convert::mute(muted.mute)),
        existing: muted.existing,
    })
}

fn parse(muter_id: UserId, request: &MuteUserRequest) -> Result<(Pair, Option<MuteTtl>), Failure> {
    let mut violations = Violations::new();
    let muted_id = violations.check("user_id", UserId::parse(request.user_id));
    let pair = muted_id
        .and_then(|muted_id| violations.check("user_id", Pair::new(muter_id, muted_id, &MUTES_NO_SELF_MUTE)));
    let ttl = request.ttl.map(|ttl| MuteTtl::parse(ttl.seconds, ttl.nanos));
    let ttl = violations.check("ttl", ttl.transpose());
    pair.zip(ttl).ok_or_else(|| violations.into_failure())
}
