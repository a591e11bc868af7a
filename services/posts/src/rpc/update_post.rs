use kith_contracts::posts::v1::{UpdatePostRequest, UpdatePostResponse};
use kith_primitives::{Caller, Etag, Failure, FieldMask, PostId, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::{Content, MediaUrl, PostChange};
use crate::store::post_update;

const UPDATABLE: &[&str] = &["content", "type", "media_url"];

/// INVALID_ARGUMENT; PERMISSION_DENIED (NOT_OWNER, INTERACTION_NOT_ALLOWED); NOT_FOUND (POST_NOT_FOUND); ABORTED
/// (ETAG_MISMATCH); FAILED_PRECONDITION (USER_INACTIVE).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: UpdatePostRequest,
) -> Result<UpdatePostResponse, Failure> {
    let (id, change) = parse(&request)?;
    let row = post_update(&app.database, user.user_id, id, &change).await?;
    Ok(UpdatePostResponse {
        post: Some(convert::post(&caller, row)?),
    })
}

fn parse(request: &UpdatePostRequest) -> Result<(PostId, PostChange), Failure> {
    let mut violations = Violations::new();
    let paths = request
        .update_mask
        .as_ref()
        .map(|mask| mask.paths.as_slice())
        .unwrap_or_default();
    let mask = FieldMask::parse(paths, &present(request), UPDATABLE);
    // With a mask that cannot be read, the caller still learns what is wrong with the values.
    let sets = |field: &str, is_present: bool| mask.as_ref().map_or(is_present, |mask| mask.contains(field));
    let content = sets("content", request.content.is_some()).then_some(request.content.as_deref());
    let kind = sets("type", request.r#type.is_some()).then_some(request.r#type);
    let media_url = sets("media_url", request.media_url.is_some()).then_some(request.media_url.as_deref());

    let id = violations.check("post_id", PostId::parse(request.post_id));
    let content =
        content.and_then(|text| violations.check("content", Content::parse(text.unwrap_or_default())));
    let kind = kind.and_then(|number| {
        let kind = violations.check("type", convert::post_kind(number.unwrap_or_default()))?;
        Some(kind.unwrap_or_default())
    });
    let media_url =
        media_url.and_then(|text| violations.check("media_url", MediaUrl::parse(text.unwrap_or_default())));
    let mask = violations.check("update_mask", mask.map(|_| ()));
    let etag = violations.check("etag", Etag::parse(&request.etag));
    match (id, mask, etag) {
        (Some(id), Some(()), Some(etag)) if violations.is_empty() => {
            let change = PostChange {
                content,
                kind,
                media_url,
                etag,
            };
            Ok((id, change))
        }
        _ => Err(violations.into_failure()),
    }
}

/// The updatable fields that the request holds, the empty ones too.
fn present(request: &UpdatePostRequest) -> Vec<&'static str> {
    let values = [
        request.content.is_some(),
        request.r#type.is_some(),
        request.media_url.is_some(),
    ];
    let present = UPDATABLE.iter().zip(values).filter(|(_, is_present)| *is_present);
    present.map(|(field, _)| *field).collect()
}
