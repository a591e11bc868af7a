use kith_contracts::messaging::v1::{
    self as contract, UpdateMessagingSettingsRequest, UpdateMessagingSettingsResponse,
};
use kith_primitives::{Etag, Failure, FieldMask, Invalid, Reason, UserCaller, Violations};
use kith_rules::messaging::SETTINGS_ACCEPTED_SENDERS_KNOWN;

use super::convert;
use crate::App;
use crate::domain::{AcceptedSenders, SettingsChange};
use crate::store::settings_update;

const UPDATABLE: &[&str] = &["accepted_senders"];

/// INVALID_ARGUMENT (FIELD_REQUIRED, FIELD_MALFORMED, FIELD_MASK_INVALID); NOT_FOUND (USER_NOT_FOUND); ABORTED
/// (ETAG_MISMATCH).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UpdateMessagingSettingsRequest,
) -> Result<UpdateMessagingSettingsResponse, Failure> {
    let change = parse(&request)?;
    let row = settings_update(&app.database, caller.user_id, change).await?;
    Ok(UpdateMessagingSettingsResponse {
        settings: Some(convert::settings(row)),
    })
}

/// There is one setting, so that a good mask always names it.
fn parse(request: &UpdateMessagingSettingsRequest) -> Result<SettingsChange, Failure> {
    let mut violations = Violations::new();
    let paths = request.update_mask.as_ref().map(|mask| mask.paths.as_slice());
    let present = if request.accepted_senders.is_some() {
        UPDATABLE
    } else {
        &[]
    };
    let mask = FieldMask::parse(paths.unwrap_or_default(), present, UPDATABLE);
    let accepted_senders = match (&mask, request.accepted_senders) {
        (Err(_), None) => None,
        (_, senders) => violations.check("accepted_senders", parse_senders(senders)),
    };
    let mask = violations.check("update_mask", mask);
    let etag = violations.check("etag", Etag::parse(&request.etag));
    match (accepted_senders, mask, etag) {
        (Some(accepted_senders), Some(_), Some(etag)) => Ok(SettingsChange {
            accepted_senders,
            etag,
        }),
        _ => Err(violations.into_failure()),
    }
}

fn parse_senders(senders: Option<i32>) -> Result<AcceptedSenders, Invalid> {
    match contract::AcceptedSenders::try_from(senders.unwrap_or_default()) {
        Ok(contract::AcceptedSenders::Everyone) => Ok(AcceptedSenders::Everyone),
        Ok(contract::AcceptedSenders::Followers) => Ok(AcceptedSenders::Followers),
        Ok(contract::AcceptedSenders::Friends) => Ok(AcceptedSenders::Friends),
        Ok(contract::AcceptedSenders::Unspecified) => Err(Invalid::new(Reason::FieldRequired, "must be set")),
        Err(_) => Err(SETTINGS_ACCEPTED_SENDERS_KNOWN.invalid()),
    }
}
