//! What the two RPCs on interactions share.

use kith_contracts::social_graph::v1::{self as contract, InteractionAction, InteractionDecision};
use kith_primitives::{Caller, Failure, Invalid, Reason, UserId, Violations};
use kith_rpc::status::to_rpc_status;
use kith_rules::identity::user_not_found;

use crate::domain::{Action, Facts, Interaction, decide};
use crate::store::not_owner;

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

/// The same for one that is the field `field` of a request.
pub(super) fn parse_within(
    field: &str,
    interaction: Option<&contract::Interaction>,
) -> Result<Interaction, Failure> {
    let absent = || Invalid::new(Reason::FieldRequired, "must be set");
    let interaction = Violations::only(field, interaction.ok_or_else(absent))?;
    parse(interaction).map_err(|failure| failure.within(field))
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
