use kith_contracts::social_graph::v1::{
    self as contract, CheckInteractionRequest, CheckInteractionResponse, InteractionAction,
    InteractionDecision,
};
use kith_primitives::{Caller, Failure, Invalid, Reason, UserId, Violations};
use kith_rpc::status::to_rpc_status;
use kith_rules::identity::user_not_found;

use crate::App;
use crate::domain::{Action, Facts, Interaction, decide};
use crate::store::{facts_find, not_owner};

/// INVALID_ARGUMENT (ID_INVALID, FIELD_REQUIRED, FIELD_MALFORMED); PERMISSION_DENIED (NOT_OWNER); NOT_FOUND (USER_NOT_FOUND).
pub(super) async fn call(
    app: &App,
    caller: Caller,
    request: CheckInteractionRequest,
) -> Result<CheckInteractionResponse, Failure> {
    let interaction = parse_request(&request)?;
    let max = app.friends.max_open_requests;
    let facts = facts_find(&app.database, &[interaction], max).await?;
    let facts = facts.into_iter().next().unwrap_or_default();
    Ok(CheckInteractionResponse {
        decision: Some(check(&caller, interaction, &facts, max)?),
    })
}

fn parse_request(request: &CheckInteractionRequest) -> Result<Interaction, Failure> {
    let interaction = request.interaction.as_ref();
    let interaction = interaction.ok_or_else(|| Invalid::new(Reason::FieldRequired, "must be set"));
    let interaction = Violations::only("interaction", interaction)?;
    parse(interaction).map_err(|failure| failure.within("interaction"))
}

pub(super) fn parse(interaction: &contract::Interaction) -> Result<Interaction, Failure> {
    let mut violations = Violations::new();
    let actor_id = violations.check("actor_id", UserId::parse(interaction.actor_id));
    let target_id = violations.check("target_id", UserId::parse(interaction.target_id));
    let action = violations.check("action", action(interaction.action));
    match (actor_id, target_id, action) {
        (Some(actor_id), Some(target_id), Some(action)) => Ok(Interaction {
            actor_id,
            target_id,
            action,
        }),
        _ => Err(violations.into_failure()),
    }
}

fn action(action: i32) -> Result<Action, Invalid> {
    match InteractionAction::try_from(action) {
        Ok(InteractionAction::Follow) => Ok(Action::Follow),
        Ok(InteractionAction::Befriend) => Ok(Action::Befriend),
        Ok(InteractionAction::Message) => Ok(Action::Message),
        Ok(InteractionAction::Like) => Ok(Action::Like),
        Ok(InteractionAction::Reply) => Ok(Action::Reply),
        Ok(InteractionAction::Mention) => Ok(Action::Mention),
        Ok(InteractionAction::Unspecified) => Err(Invalid::new(Reason::FieldRequired, "must be set")),
        Err(_) => Err(Invalid::new(
            Reason::FieldMalformed,
            "must be an action of the contract",
        )),
    }
}

/// Users may only ask what they may do themselves.
pub(super) fn check(
    caller: &Caller,
    interaction: Interaction,
    facts: &Facts,
    max_open_requests: u32,
) -> Result<InteractionDecision, Failure> {
    let actor_id = interaction.actor_id;
    if caller.user_id().is_some_and(|caller_id| caller_id != actor_id) {
        let exists = facts.actor_active.is_some();
        return Err(if exists {
            not_owner(actor_id)
        } else {
            user_not_found(actor_id)
        });
    }
    let decision = decide(interaction, facts, max_open_requests);
    Ok(InteractionDecision {
        allowed: decision.is_ok(),
        denial: decision.err().as_ref().map(to_rpc_status),
    })
}
