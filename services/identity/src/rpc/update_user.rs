use kith_contracts::identity::v1::{UpdateUserRequest, UpdateUserResponse};
use kith_primitives::{Caller, Etag, Failure, FieldMask, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::{AccountChange, Email, Origin, PersonName, Username};
use crate::store::{account_update, throttles_take};

const UPDATABLE: &[&str] = &["username", "email", "first_name", "last_name"];

/// INVALID_ARGUMENT; NOT_FOUND (USER_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER); ALREADY_EXISTS (USERNAME_TAKEN,
/// EMAIL_TAKEN); ABORTED (ETAG_MISMATCH); RESOURCE_EXHAUSTED (THROTTLED).
pub(super) async fn call(
    app: &App,
    (_, caller): (UserCaller, Caller),
    request: UpdateUserRequest,
) -> Result<UpdateUserResponse, Failure> {
    let (user_id, change) = parse(&request)?;
    if change.username.is_some() || change.email.is_some() {
        // It tells whether somebody has the name or the address, as Register does, and so it counts as one.
        let origin = Origin::of(caller.service());
        throttles_take(&app.database, &app.throttles.register(origin)).await?;
    }
    let row = account_update(&app.database, &caller, user_id, &change).await?;
    Ok(UpdateUserResponse {
        account: Some(convert::account(row)),
    })
}

fn parse(request: &UpdateUserRequest) -> Result<(UserId, AccountChange), Failure> {
    let mut violations = Violations::new();
    let paths = request
        .update_mask
        .as_ref()
        .map(|mask| mask.paths.as_slice())
        .unwrap_or_default();
    let present = present(request);
    let mask = FieldMask::parse(paths, &present, UPDATABLE);
    let set = |field: &str, value: &Option<String>| match &mask {
        Ok(mask) => mask.contains(field).then(|| value.clone().unwrap_or_default()),
        // With a mask that cannot be read, the caller still learns what is wrong with the values.
        Err(_) => value.clone(),
    };
    let (username, email) = (set("username", &request.username), set("email", &request.email));
    let (first, last) = (
        set("first_name", &request.first_name),
        set("last_name", &request.last_name),
    );

    let user_id = violations.check("user_id", UserId::parse(request.user_id));
    let change = AccountChange {
        username: username.and_then(|text| violations.check("username", Username::parse(&text))),
        email: email.and_then(|text| violations.check("email", Email::parse_optional(&text))),
        first_name: first.and_then(|text| violations.check("first_name", PersonName::parse_first(&text))),
        last_name: last.and_then(|text| violations.check("last_name", PersonName::parse_last(&text))),
        etag: None,
    };
    let mask = violations.check("update_mask", mask.map(|_| ()));
    let etag = violations.check("etag", Etag::parse(&request.etag));
    match (user_id, mask, etag) {
        (Some(user_id), Some(()), Some(etag)) if violations.is_empty() => {
            Ok((user_id, AccountChange { etag, ..change }))
        }
        _ => Err(violations.into_failure()),
    }
}

/// The updatable fields that the request holds, the empty ones too.
fn present(request: &UpdateUserRequest) -> Vec<&'static str> {
    let values = [
        &request.username,
        &request.email,
        &request.first_name,
        &request.last_name,
    ];
    let present = UPDATABLE.iter().zip(values).filter(|(_, value)| value.is_some());
    present.map(|(field, _)| *field).collect()
}
