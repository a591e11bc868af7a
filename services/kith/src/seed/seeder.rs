//! Does what `kith seed` is asked to do.

use std::time::{Duration, Instant};

use kith_rpc::process::AnyError;

use super::clear::clear;
use super::flow::Tally;
use super::kith::Kith;
use super::plan::{Plan, Recipe};
use super::record::{Account, Record};
use super::summary::Summary;
use super::{graph, messages, people, posts};
use crate::command_line::own_command;
use crate::data_directory::DataDirectory;

/// What is seeded where nothing else is asked for, and nothing was seeded before.
const BY_DEFAULT: Recipe = Recipe { seed: 1, users: 10 };

/// Something that can be made for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Users,
    Graph,
    Posts,
    Messages,
}

impl Part {
    pub(crate) const NAMES: [&str; 4] = ["users", "graph", "posts", "messages"];
    pub(crate) const ALL: [Self; 4] = [Part::Users, Part::Graph, Part::Posts, Part::Messages];

    /// The part of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Self::ALL.get(place).copied()
    }
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// As before, or by default, where it is not given.
    pub(crate) seed: Option<u64>,
    pub(crate) users: Option<usize>,
    pub(crate) parts: Vec<Part>,
    /// Whether what was made before is removed first.
    pub(crate) clears: bool,
    /// Whether anything is made.
    pub(crate) makes: bool,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Seeded {
    /// How many users were removed first; `None` where that was not asked for.
    pub(crate) removed: Option<u64>,
    /// What was made, if anything was to be.
    pub(crate) made: Option<Summary>,
    pub(crate) took: Duration,
}

/// Carries out `order` on the Kith that is up on `directory`.
pub(crate) async fn seed(directory: &DataDirectory, order: &Order) -> Result<Seeded, AnyError> {
    let began = Instant::now();
    let kith = Kith::find(directory).await?;
    let mut record = Record::open(directory)?;
    let recipe = recipe(&record, order, directory)?;
    let removed = if order.clears {
        Some(clear(&kith, &mut record).await?.made)
    } else {
        None
    };
    let made = if order.makes {
        let plan = Plan::of(recipe);
        let tallies = make(&kith, &plan, &mut record, order, directory).await?;
        Some(Summary::of(
            &kith,
            &plan,
            tallies,
            own_command("token", directory),
        ))
    } else {
        None
    };
    Ok(Seeded {
        removed,
        made,
        took: began.elapsed(),
    })
}

/// What is to be seeded: by what was asked for, else as before.
fn recipe(record: &Record, order: &Order, directory: &DataDirectory) -> Result<Recipe, AnyError> {
    let before = record.written.as_ref().map(|written| written.recipe);
    let Recipe { seed, users } = before.unwrap_or(BY_DEFAULT);
    let recipe = Recipe {
        seed: order.seed.unwrap_or(seed),
        users: order.users.unwrap_or(users),
    };
    match before {
        Some(before) if before != recipe && !order.clears => {
            let Recipe { seed, users } = before;
            let again = own_command("seed --clear", directory);
            Err(format!(
                "{users} users by seed {seed} are there already; to replace them: {again} --users {} --seed {}",
                recipe.users, recipe.seed
            )
            .into())
        }
        _ => Ok(recipe),
    }
}

/// Makes the parts that are asked for, and answers what came of each kind of thing.
async fn make(
    kith: &Kith,
    plan: &Plan,
    record: &mut Record,
    order: &Order,
    directory: &DataDirectory,
) -> Result<Vec<(&'static str, Tally)>, AnyError> {
    let is_asked_for = |part| order.parts.contains(&part);
    let mut tallies = Vec::new();
    let mut people = existing(kith, plan, record, is_asked_for(Part::Users)).await?;
    if is_asked_for(Part::Users) {
        tallies.push(("users", people::make(kith, plan, &mut people, record).await?));
    }
    let ids: Vec<i64> = people.iter().flatten().map(|account| account.id).collect();
    if ids.len() < plan.users() {
        return Err(missing(plan.users() - ids.len(), plan.users(), directory).into());
    }
    if is_asked_for(Part::Graph) {
        tallies.push(("follows", graph::follow(kith, plan, &ids).await?));
        tallies.push(("friendships", graph::befriend(kith, plan, &ids).await?));
        tallies.push(("requests", graph::request(kith, plan, &ids).await?));
    }
    if is_asked_for(Part::Posts) {
        let (tally, posted) = posts::post(kith, plan, &ids).await?;
        tallies.push(("posts", tally));
        tallies.push(("likes", posts::like(kith, plan, &ids, &posted).await?));
        tallies.push(("shares", posts::share(kith, plan, &ids, &posted).await?));
    }
    if is_asked_for(Part::Messages) {
        tallies.push(("messages", messages::send(kith, plan, &ids).await?));
    }
    Ok(tallies)
}

/// The users that are there. Before the first are made, their names are looked up and written down.
async fn existing(
    kith: &Kith,
    plan: &Plan,
    record: &mut Record,
    is_to_begin: bool,
) -> Result<Vec<Option<Account>>, AnyError> {
    let usernames = || (0..plan.users()).map(|index| plan.person(index).username);
    let Some(written) = &record.written else {
        if is_to_begin {
            people::require_free(kith, usernames()).await?;
            record.begin(plan.recipe(), usernames().collect())?;
        }
        return Ok(vec![None; plan.users()]);
    };
    if !usernames().eq(written.usernames.iter().cloned()) {
        let problem = "what is there was seeded by another version of kith, which chose other names; kith seed --clear replaces it";
        return Err(problem.into());
    }
    let people = people::find(kith, written).await?;
    let unnoted = people
        .iter()
        .enumerate()
        .filter_map(|(index, account)| Some((index, (*account)?)));
    let unnoted: Vec<_> = unnoted
        .filter(|(index, _)| !written.accounts.contains_key(index))
        .collect();
    record.note(&unnoted)?;
    Ok(people)
}

fn missing(missing: usize, users: usize, directory: &DataDirectory) -> String {
    let first = own_command("seed --only users", directory);
    if missing == users {
        format!("the users are not there, on whom the rest stands; make them first: {first}")
    } else {
        format!(
            "{missing} of the {users} users are missing, on whom the rest stands; make them first: {first}"
        )
    }
}
