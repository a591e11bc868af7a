//! Removes what was made: with a user goes all that hangs on it, in every service.

use kith_contracts::identity::v1::DeleteUserRequest;
use kith_rpc::process::AnyError;

use super::flow::{Progress, Tally, each};
use super::kith::{Kith, Made, ask, failed};
use super::people;
use super::record::Record;

/// How many users are deleted at the same time: each with many rows, some of which hang on others too.
const IN_FLIGHT: usize = 4;

/// Deletes the users in `record` that are there, and forgets all of them.
pub(super) async fn clear(kith: &Kith, record: &mut Record) -> Result<Tally, AnyError> {
    let Some(written) = &record.written else {
        return Ok(Tally::default());
    };
    let accounts: Vec<_> = people::find(kith, written).await?.into_iter().flatten().collect();
    let mut progress = Progress::new("users removed", accounts.len());
    let work = async |user_id| {
        let message = DeleteUserRequest {
            user_id,
            allow_missing: true,
        };
        let answer = ask(message, |request| {
            let mut identity = kith.operator.identity();
            async move { identity.delete_user(request).await }
        });
        answer.await.map_err(|status| failed("identity", &status))
    };
    // The well-known ones last: each of the others takes little from them.
    let ids = accounts.iter().rev().map(|account| account.id);
    each(ids, IN_FLIGHT, work, |_| {
        progress.note(&Made::New);
        Ok(())
    })
    .await?;
    record.empty()?;
    Ok(progress.end())
}
