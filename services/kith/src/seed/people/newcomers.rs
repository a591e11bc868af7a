//! Users that are made: registered, or imported where they are many.

use kith_contracts::identity::v1::batch_import_users_result::Outcome;
use kith_contracts::identity::v1::user_key::Key;
use kith_contracts::identity::v1::{
    BatchImportUsersRequest, BatchImportUsersResult, ImportedUser, RegisterRequest,
};
use kith_rpc::process::AnyError;

use super::origins::Origins;
use crate::seed::kith::{Kith, ask, failed, is};
use crate::seed::plan::{Person, Plan};
use crate::seed::record::Account;
use crate::up::PASSWORD;

/// A user to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newcomer {
    pub(super) index: usize,
    /// Whether a run before this one may have made it already. Otherwise, whoever has its name is somebody else.
    pub(super) may_be_made: bool,
}

/// Makes up to 1,000 users without passwords.
pub(super) async fn import(
    kith: &Kith,
    plan: &Plan,
    newcomers: &[Newcomer],
) -> Result<Vec<(usize, Account)>, AnyError> {
    let users = newcomers
        .iter()
        .map(|newcomer| imported(plan.person(newcomer.index)));
    let message = BatchImportUsersRequest {
        users: users.collect(),
        allow_existing: true,
    };
    let mut attempts = 0;
    let answer = ask(message, |request| {
        attempts += 1;
        let mut identity = kith.operator.identity();
        async move { identity.batch_import_users(request).await }
    });
    let results = answer
        .await
        .map_err(|status| failed("identity", &status))?
        .results;
    if results.len() != newcomers.len() {
        return Err("identity answered another number of users than it was asked for".into());
    }
    let account = |(newcomer, result): (&Newcomer, BatchImportUsersResult)| {
        // An attempt that seemed to fail may have made it.
        let is_own = !result.existing || newcomer.may_be_made || attempts > 1;
        match result.outcome {
            Some(Outcome::User(user)) if is_own => Ok((newcomer.index, Account::of(&user))),
            Some(Outcome::User(_)) => Ok((newcomer.index, Account::SOMEBODY_ELSES)),
            Some(Outcome::Error(status)) => Err(format!("identity refused: {}", status.message).into()),
            None => Err("identity answered neither a user nor an error".into()),
        }
    };
    newcomers.iter().zip(results).map(account).collect()
}

fn imported(person: Person) -> ImportedUser {
    ImportedUser {
        username: person.username,
        first_name: person.first_name.to_owned(),
        last_name: person.last_name.to_owned(),
    }
}

/// Makes a user with the known password.
pub(super) async fn register(
    kith: &Kith,
    plan: &Plan,
    origins: &Origins,
    Newcomer { index, may_be_made }: Newcomer,
) -> Result<(usize, Account), AnyError> {
    let Person {
        username,
        first_name,
        last_name,
    } = plan.person(index);
    let message = RegisterRequest {
        username: username.clone(),
        email: String::new(),
        password: PASSWORD.to_owned(),
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
    };
    let mut attempts = 0;
    let answer = ask(message, |mut request| {
        attempts += 1;
        let passed_on = origins.pass_on(kith, &mut request, index);
        let mut identity = kith.open_identity();
        async move {
            passed_on?;
            identity.register(request).await
        }
    });
    let user = match answer.await {
        Ok(answer) => answer.account.and_then(|account| account.user),
        // An attempt that seemed to fail may have made it.
        Err(status) if is(&status, "USERNAME_TAKEN") && (may_be_made || attempts > 1) => {
            let found = kith.local.users(vec![Key::Username(username)]).await?;
            found.into_iter().next().flatten()
        }
        Err(status) if is(&status, "USERNAME_TAKEN") => return Ok((index, Account::SOMEBODY_ELSES)),
        Err(status) => return Err(failed("identity", &status)),
    };
    let user = user.ok_or("identity answered no user")?;
    Ok((index, Account::of(&user)))
}
