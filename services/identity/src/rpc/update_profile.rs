use kith_contracts::identity::v1::{Profile, UpdateProfileRequest, UpdateProfileResponse};
use kith_primitives::{Etag, Failure, FieldMask, Invalid, Reason, UserCaller, UserId, Violations};

use super::convert;
use crate::App;
use crate::domain::{Bio, Location, ProfileChange, WebUrl};
use crate::store::profile_update;

const UPDATABLE: &[&str] = &["bio", "avatar_url", "location", "website_url"];

/// INVALID_ARGUMENT; NOT_FOUND (USER_NOT_FOUND); PERMISSION_DENIED (NOT_OWNER); ABORTED (ETAG_MISMATCH).
pub(super) async fn call(
    app: &App,
    caller: UserCaller,
    request: UpdateProfileRequest,
) -> Result<UpdateProfileResponse, Failure> {
    let (user_id, change) = parse(&request)?;
    let row = profile_update(&app.database, user_id, caller.user_id, &change).await?;
    Ok(UpdateProfileResponse {
        profile: Some(convert::profile(row)),
    })
}

fn parse(request: &UpdateProfileRequest) -> Result<(UserId, ProfileChange), Failure> {
    let paths = request
        .update_mask
        .as_ref()
        .map(|mask| mask.paths.as_slice())
        .unwrap_or_default();
    let profile = request.profile.as_ref();
    let mask = FieldMask::parse(paths, &profile.map(present).unwrap_or_default(), UPDATABLE);
    let mut violations = Violations::new();
    let profile = profile.ok_or_else(|| Invalid::new(Reason::FieldRequired, "must be set"));
    let parsed = violations
        .check("profile", profile)
        .and_then(|profile| parse_profile(profile, mask.as_ref().ok(), &mut violations));
    violations.check("update_mask", mask);
    parsed
        .filter(|_| violations.is_empty())
        .ok_or_else(|| violations.into_failure())
}

fn parse_profile(
    profile: &Profile,
    mask: Option<&FieldMask>,
    violations: &mut Violations,
) -> Option<(UserId, ProfileChange)> {
    let user_id = violations.check("profile.user_id", UserId::parse(profile.user_id));
    let change = change(profile, mask, violations);
    let etag = violations.check("profile.etag", Etag::parse(&profile.etag));
    Some((
        user_id?,
        ProfileChange {
            etag: etag?,
            ..change
        },
    ))
}

/// The values of the fields that `mask` names; one that is absent becomes empty. Without a good mask every value is
/// checked, so that the caller learns of all mistakes at once.
fn change(profile: &Profile, mask: Option<&FieldMask>, violations: &mut Violations) -> ProfileChange {
    fn value<'a>(mask: Option<&FieldMask>, field: &str, value: Option<&'a String>) -> Option<&'a str> {
        mask.is_none_or(|mask| mask.contains(field))
            .then(|| value.map(String::as_str).unwrap_or_default())
    }
    let bio = value(mask, "bio", profile.bio.as_ref());
    let avatar_url = value(mask, "avatar_url", profile.avatar_url.as_ref());
    let location = value(mask, "location", profile.location.as_ref());
    let website_url = value(mask, "website_url", profile.website_url.as_ref());
    ProfileChange {
        bio: bio.and_then(|text| violations.check("profile.bio", Bio::parse(text))),
        avatar_url: avatar_url
            .and_then(|text| violations.check("profile.avatar_url", WebUrl::parse_avatar(text))),
        location: location.and_then(|text| violations.check("profile.location", Location::parse(text))),
        website_url: website_url
            .and_then(|text| violations.check("profile.website_url", WebUrl::parse_website(text))),
        etag: None,
    }
}

/// The updatable fields that the request holds, the empty ones too.
fn present(profile: &Profile) -> Vec<&'static str> {
    let values = [
        &profile.bio,
        &profile.avatar_url,
        &profile.location,
        &profile.website_url,
    ];
    UPDATABLE
        .iter()
        .zip(values)
        .filter(|(_, value)| value.is_some())
        .map(|(field, _)| *field)
        .collect()
}
