//! `kith admin`: what operators do to users, counters, service accounts and signing keys.

mod service_accounts;
mod signing_keys;

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};

use super::Refusal;
use crate::admin::{Checked, UserAction, act_on, repair_counters, verify_counters};
use crate::operator::{Operator, OperatorSettings};
use crate::report::{grouped, result};
use crate::terminal::{Terminal, rate};

const USERNAME: &str = "username";
const VERIFY_COUNTERS: &str = "verify-counters";
const REPAIR_COUNTERS: &str = "repair-counters";
const COUNTERS: &[&str] = &["social_graph.counters.repair"];
/// There was drift, and it still is there.
const DRIFT_FOUND: u8 = 3;

const ON_USERS: [(&str, UserAction, &str); 4] = [
    (
        "deactivate",
        UserAction::Deactivate,
        "Deactivates a user: it cannot sign in any more, and its sessions end",
    ),
    (
        "reactivate",
        UserAction::Reactivate,
        "Makes a deactivated user active again",
    ),
    (
        "delete",
        UserAction::Delete,
        "Deletes a user with everything that is the user's, for good and without asking",
    ),
    (
        "revoke-sessions",
        UserAction::RevokeSessions,
        "Ends all sessions of a user; access tokens that are out live for up to 5 minutes",
    ),
];

const EXIT_CODES: &str = "Exit codes: 0 when it was done, 1 when it failed, 2 for mistakes in the settings";
const EXIT_CODES_OF_VERIFY: &str = "Exit codes: 0 when no counter drifted, 1 when it failed, 2 for mistakes in the settings, 3 when some drifted";

pub(super) fn command() -> Command {
    let on_users = ON_USERS.map(|(name, action, about)| {
        let username = Arg::new(USERNAME).value_name("USERNAME").required(true);
        let scope = action.scopes().concat();
        Command::new(name)
            .about(about)
            .arg(username.help("whom, by name"))
            .after_help(format!("Needs the scope {scope}. {EXIT_CODES}"))
    });
    let verify = Command::new(VERIFY_COUNTERS)
        .about("Compares the counters of all users with the rows that they count; it should find nothing")
        .after_help(format!(
            "Needs the scope {}. {EXIT_CODES_OF_VERIFY}",
            COUNTERS.concat()
        ));
    let repair = Command::new(REPAIR_COUNTERS)
        .about("Does the same, and sets right what it finds, while calls go on")
        .after_help(format!("Needs the scope {}. {EXIT_CODES}", COUNTERS.concat()));
    let subcommands = on_users.into_iter().chain([verify, repair]);
    Command::new("admin")
        .about("Does what only operators may, through the RPCs of a running Kith")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(subcommands.map(|subcommand| subcommand.args(args::<OperatorSettings>())))
        .subcommand(service_accounts::command())
        .subcommand(signing_keys::command())
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    // Clap lets nobody pass without a subcommand and, where there is one, its username.
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(ExitCode::from(2));
    };
    if name == service_accounts::SERVICE_ACCOUNTS {
        return service_accounts::run(invocation, matches, environment);
    }
    if name == signing_keys::SIGNING_KEYS {
        return signing_keys::run(invocation, matches, environment);
    }
    let settings: OperatorSettings = invocation.read(matches, environment)?;
    let runtime = process::runtime()?;
    let action = ON_USERS.iter().find(|(action, ..)| *action == name);
    if let Some((_, action, _)) = action {
        let username = matches.get_one::<String>(USERNAME).map_or("", String::as_str);
        runtime.block_on(on_user(settings, username, *action))?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_repair = name == REPAIR_COUNTERS;
    let checked = runtime.block_on(on_counters(settings, is_repair))?;
    Ok(if checked.drifts == 0 || is_repair {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DRIFT_FOUND)
    })
}

async fn on_user(settings: OperatorSettings, username: &str, action: UserAction) -> Result<(), AnyError> {
    let operator = Operator::of(settings, action.scopes()).await?;
    let done = act_on(&operator, username, action).await?;
    result(&format!("{done}\n"))
}

async fn on_counters(settings: OperatorSettings, is_repair: bool) -> Result<Checked, AnyError> {
    let operator = Operator::of(settings, COUNTERS).await?;
    let terminal = &mut Terminal::new("users", 0);
    let (checked, word) = if is_repair {
        (repair_counters(&operator, terminal).await?, "repaired")
    } else {
        (verify_counters(&operator, terminal).await?, "drifted")
    };
    result(&describe(&checked, word))?;
    Ok(checked)
}

fn describe(checked: &Checked, word: &str) -> String {
    let Checked { users, drifts, took } = *checked;
    format!(
        "users    {} verified, {} {word}\ntook     {:.1} s, {}\n",
        grouped(users),
        grouped(drifts),
        took.as_secs_f64(),
        rate(users, took)
    )
}
