//! The users: found, or made with their profiles.

mod newcomers;
mod origins;
mod profiles;

use kith_contracts::identity::v1::User;
use kith_contracts::identity::v1::user_key::Key;
use kith_rpc::process::AnyError;

use self::newcomers::{Newcomer, import, register};
use self::origins::Origins;
use self::profiles::describe;
use super::flow::{Progress, Tally, batches, each};
use super::kith::{Kith, Made};
use super::plan::Plan;
use super::record::{Account, Record, Written};

/// Above so many users, they have no password.
pub(super) const WITH_PASSWORD: usize = 1000;
/// Identity hashes so many passwords at the same time.
const REGISTRATIONS_IN_FLIGHT: usize = 2;
/// The most users that one call looks up.
const LOOKED_UP: usize = 100;
const LOOK_UPS_IN_FLIGHT: usize = 8;
/// The most users that one call imports.
const IMPORTED: usize = 1000;
/// Who is there, by index.
pub(super) type People = Vec<Option<Account>>;

/// Finds the users that a record names. One that it has no account of was made by a run that was killed before it could say
/// so; one whose account is gone is missing.
pub(super) async fn find(kith: &Kith, written: &Written) -> Result<People, AnyError> {
    let key = |(index, username): (usize, &String)| match written.accounts.get(&index) {
        Some(account) if *account != Account::SOMEBODY_ELSES => Key::UserId(account.id),
        _ => Key::Username(username.clone()),
    };
    let keys = written.usernames.iter().enumerate().map(key);
    let found = look_up(kith, keys).await?;
    let own = |(index, user): (usize, Option<User>)| {
        let account = Account::of(&user?);
        let noted = written.accounts.get(&index);
        noted.is_none_or(|noted| *noted == account).then_some(account)
    };
    Ok(found.into_iter().enumerate().map(own).collect())
}

async fn look_up(kith: &Kith, keys: impl Iterator<Item = Key>) -> Result<Vec<Option<User>>, AnyError> {
    let mut found = Vec::new();
    let work = async |(place, keys)| Ok((place, kith.local.users(keys).await?));
    each(
        batches(keys, LOOKED_UP).enumerate(),
        LOOK_UPS_IN_FLIGHT,
        work,
        |batch| {
            found.push(batch);
            Ok(())
        },
    )
    .await?;
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().flat_map(|(_, users)| users).collect())
}

/// Fails where one of `usernames` is taken.
pub(super) async fn require_free(
    kith: &Kith,
    usernames: impl Iterator<Item = String>,
) -> Result<(), AnyError> {
    let found = look_up(kith, usernames.map(Key::Username)).await?;
    match found.into_iter().flatten().next() {
        Some(user) => Err(taken(&user.username)),
        None => Ok(()),
    }
}

fn taken(username: &str) -> AnyError {
    format!(
        "{username:?} is the name of a user whom kith seed has not made, and whom it leaves alone; choose other names, with \
         another --seed NUMBER"
    )
    .into()
}

/// Makes the users that are missing among `people`, gives those a profile that have none, and answers all of them.
pub(super) async fn make(
    kith: &Kith,
    plan: &Plan,
    people: &mut [Option<Account>],
    record: &mut Record,
) -> Result<Tally, AnyError> {
    let newcomer = |index| Newcomer {
        index,
        may_be_made: record.may_be_made(index),
    };
    let missing = (0..plan.users()).filter(|index| people[*index].is_none());
    let newcomers: Vec<Newcomer> = missing.map(newcomer).collect();
    let mut progress = Progress::new("users", plan.users());
    people
        .iter()
        .flatten()
        .for_each(|_| progress.note(&Made::Existing));
    let mut note = |accounts: Vec<(usize, Account)>| {
        record.note(&accounts)?;
        for (index, account) in accounts {
            if account == Account::SOMEBODY_ELSES {
                return Err(taken(&plan.person(index).username));
            }
            people[index] = Some(account);
            progress.note(&Made::New);
        }
        Ok(())
    };
    if plan.users() > WITH_PASSWORD {
        let work = async |newcomers| import(kith, plan, newcomers).await;
        each(newcomers.chunks(IMPORTED), 1, work, &mut note).await?;
    } else {
        let origins = Origins::new();
        let work = async |newcomer| Ok(vec![register(kith, plan, &origins, newcomer).await?]);
        each(
            newcomers.iter().copied(),
            REGISTRATIONS_IN_FLIGHT,
            work,
            &mut note,
        )
        .await?;
    }
    let tally = progress.end();
    describe(kith, plan, people, &newcomers).await?;
    Ok(tally)
}
