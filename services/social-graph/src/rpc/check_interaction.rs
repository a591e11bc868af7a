use kith_contracts::social_graph::v1::{CheckInteractionRequest, CheckInteractionResponse};
use kith_primitives::{Caller, Failure};

use super::interactions::{check, parse_within};
use crate::App;
use crate::store::facts_find;

/// INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_MALFORMED); PERMISSION_DENIED (NOT_OWNER).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: CheckInteractionRequest,
) -> Result<CheckInteractionResponse, Failure> {
    let interaction = parse_within("interaction", request.interaction.as_ref())?;
    let max = app.friends.max_open_requests;
    let facts = facts_find(&app.database, &[interaction], max).await?;
    let facts = facts.into_iter().next().unwrap_or_default();
    Ok(CheckInteractionResponse {
        decision: Some(check(&caller, interaction, &facts, max)?),
    })
}
