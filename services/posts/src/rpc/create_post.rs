use kith_contracts::posts::v1::{CreatePostRequest, CreatePostResponse};
use kith_primitives::{Caller, Failure, PostId, ReplayKey, UserCaller, Violations};

use super::convert;
use crate::App;
use crate::domain::{Content, MediaUrl, PostDraft};
use crate::store::post_create;

/// INVALID_ARGUMENT; NOT_FOUND (POST_NOT_FOUND, USER_NOT_FOUND, RESOURCE_DELETED); FAILED_PRECONDITION (USER_INACTIVE,
/// REQUEST_ID_REUSED); PERMISSION_DENIED (INTERACTION_NOT_ALLOWED).
pub(super) async fn call(
    app: &App,
    (user, caller): (UserCaller, Caller),
    request: CreatePostRequest,
) -> Result<CreatePostResponse, Failure> {
    let (draft, key) = parse(&request)?;
    let created = post_create(&app.database, user.user_id, &draft, key.as_ref()).await?;
    Ok(CreatePostResponse {
        post: Some(convert::post(&caller, created.post)?),
        replayed: created.replayed,
    })
}

fn parse(request: &CreatePostRequest) -> Result<(PostDraft, Option<ReplayKey>), Failure> {
    let mut violations = Violations::new();
    let content = violations.check("content", Content::parse(&request.content));
    let kind = violations.check("type", convert::post_kind(request.r#type));
    let media_url = violations.check("media_url", MediaUrl::parse(&request.media_url));
    let parent_id = match request.parent_id {
        0 => Some(None),
        id => violations.check("parent_id", PostId::parse(id)).map(Some),
    };
    let request_id = violations.check("request_id", ReplayKey::parse(&request.request_id));
    match (content, kind, media_url, parent_id, request_id) {
        (Some(content), Some(kind), Some(media_url), Some(parent_id), Some(request_id)) => {
            let draft = PostDraft {
                content,
                kind: kind.unwrap_or_default(),
                media_url,
                parent_id,
            };
            let key = request_id.map(|id| ReplayKey::new(id, draft.fingerprint()));
            Ok((draft, key))
        }
        _ => Err(violations.into_failure()),
    }
}
