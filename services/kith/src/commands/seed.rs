//! `kith seed`: demo data for all services.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use kith_rpc::process;
use kith_settings::{Environment, Invocation, args};

use super::Refusal;
use crate::data_directory::DataDirectory;
use crate::report::{self, grouped};
use crate::seed::{Order, Part, Seeded, seed};

const USERS: &str = "users";
const SEED: &str = "seed";
const ONLY: &str = "only";
const CLEAR: &str = "clear";
const CLEAR_ONLY: &str = "clear-only";
/// All was made but what somebody kept from being made.
const SOME_REFUSED: u8 = 3;

const AFTER_HELP: &str = "Everything is made through the RPCs, as if people had done it, on the Kith that is up on the data \
directory. It is safe to run this again: what is there already stays as it is, and what is missing is made, also after a \
run that was killed. Without --users and --seed it goes on with those of the run before, or begins with 10 and 1. What \
each user has grows with their number; above 1,000 users, they have no passwords. What was made is written down in the \
data directory, and nobody else's users are changed or removed.

Exit codes: 0 when everything is there, 1 when it failed, 2 for mistakes in the settings, 3 when everything is there but \
what was refused, such as messages where one of the two has blocked the other since";

pub(super) fn command() -> Command {
    let users = Arg::new(USERS)
        .long(USERS)
        .value_name("NUMBER")
        .value_parser(value_parser!(u32).range(2..=1_000_000));
    let number = Arg::new(SEED)
        .long(SEED)
        .value_name("NUMBER")
        .value_parser(value_parser!(u64));
    let only = Arg::new(ONLY)
        .long(ONLY)
        .value_name("PARTS")
        .value_parser(Part::NAMES)
        .value_delimiter(',')
        .action(ArgAction::Append);
    let flag = |name| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let clear = flag(CLEAR).conflicts_with(CLEAR_ONLY);
    let clear_only = flag(CLEAR_ONLY).conflicts_with_all([USERS, SEED, ONLY]);
    Command::new("seed")
        .about("Makes demo data: people, what they are to each other, what they post and write")
        .arg(users.help("how many users, from 2 to 1,000,000"))
        .arg(number.help("what all names, texts and ties follow from: the same number makes the same"))
        .arg(
            only.help("make these alone, with commas between, or repeated: posts come with likes and shares"),
        )
        .arg(clear.help("first remove what it made before"))
        .arg(clear_only.help("remove what it made before, and make nothing"))
        .args(args::<DataDirectory>())
        .after_help(AFTER_HELP)
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let directory: DataDirectory = invocation.read(matches, environment)?;
    let order = order(matches)?;
    let seeded = process::runtime()?.block_on(seed(&directory, &order))?;
    report::result(&describe(&seeded))?;
    Ok(match &seeded.made {
        Some(summary) if summary.refused() > 0 => ExitCode::from(SOME_REFUSED),
        _ => ExitCode::SUCCESS,
    })
}

fn order(matches: &ArgMatches) -> Result<Order, Refusal> {
    let named = matches.get_many::<String>(ONLY);
    let parts = match named {
        Some(names) => names.filter_map(|name| Part::named(name)).collect(),
        None => Part::ALL.to_vec(),
    };
    let clears = matches.get_flag(CLEAR);
    if clears && !parts.contains(&Part::Users) {
        let problem = "--clear removes the users too; add them to --only, or leave one of the two out";
        return Err(Refusal::Usage(problem.to_owned()));
    }
    let is_only_clearing = matches.get_flag(CLEAR_ONLY);
    Ok(Order {
        seed: matches.get_one(SEED).copied(),
        users: matches
            .get_one::<u32>(USERS)
            .and_then(|users| usize::try_from(*users).ok()),
        parts,
        clears: clears || is_only_clearing,
        makes: !is_only_clearing,
    })
}

fn describe(seeded: &Seeded) -> String {
    let Seeded { removed, made, took } = seeded;
    let removed = removed.map(|users| match users {
        0 => "nothing was removed: nothing was there\n".to_owned(),
        users => format!(
            "removed      {} users, with all that was theirs\n",
            grouped(users)
        ),
    });
    let made = made.as_ref().map(ToString::to_string);
    format!(
        "{}{}{}took {:.1} s\n",
        removed.unwrap_or_default(),
        made.as_deref().unwrap_or_default(),
        if made.is_some() { "\n" } else { "" },
        took.as_secs_f64()
    )
}
