//! Profiles of users who have none.

use kith_contracts::identity::v1::{GetProfileRequest, Profile, UpdateProfileRequest};
use kith_rpc::process::AnyError;

use super::newcomers::Newcomer;
use crate::seed::flow::{Progress, each};
use crate::seed::kith::{IN_FLIGHT, Kith, Made, ask, failed};
use crate::seed::plan::Plan;
use crate::seed::record::Account;

/// Gives a profile to the users that are `new`, and to the others whose profile is empty: what somebody has written there
/// since stays.
pub(super) async fn describe(
    kith: &Kith,
    plan: &Plan,
    people: &[Option<Account>],
    new: &[Newcomer],
) -> Result<(), AnyError> {
    let mut progress = Progress::new("profiles", plan.users());
    let work = async |(index, account): (usize, &Option<Account>)| match account {
        Some(account) => {
            let is_new = new
                .binary_search_by_key(&index, |newcomer| newcomer.index)
                .is_ok();
            describe_one(kith, plan, (index, account.id), is_new).await
        }
        None => Ok(Made::Existing),
    };
    each(people.iter().enumerate(), IN_FLIGHT, work, |made| {
        progress.note(&made);
        Ok(())
    })
    .await?;
    progress.end();
    Ok(())
}

async fn describe_one(
    kith: &Kith,
    plan: &Plan,
    (index, user_id): (usize, i64),
    is_new: bool,
) -> Result<Made, AnyError> {
    if !is_new && has_profile(kith, user_id).await? {
        return Ok(Made::Existing);
    }
    let planned = plan.profile(index);
    let profile = Profile {
        user_id,
        bio: Some(planned.bio),
        avatar_url: Some(planned.avatar_url),
        location: Some(planned.location.to_owned()),
        website_url: Some(planned.website_url),
        ..Default::default()
    };
    let message = UpdateProfileRequest {
        profile: Some(profile),
        update_mask: None,
    };
    let answer = ask(message, |request| {
        let mut identity = kith.identity(user_id);
        async move { identity.update_profile(request).await }
    });
    match answer.await {
        Ok(_) => Ok(Made::New),
        Err(status) => Made::of_failure("identity", &status),
    }
}

async fn has_profile(kith: &Kith, user_id: i64) -> Result<bool, AnyError> {
    let answer = ask(GetProfileRequest { user_id }, |request| {
        let mut identity = kith.identity(user_id);
        async move { identity.get_profile(request).await }
    });
    let answer = answer.await.map_err(|status| failed("identity", &status))?;
    let profile = answer.profile.unwrap_or_default();
    let fields = [
        profile.bio,
        profile.avatar_url,
        profile.location,
        profile.website_url,
    ];
    Ok(fields.iter().flatten().any(|field| !field.is_empty()))
}
