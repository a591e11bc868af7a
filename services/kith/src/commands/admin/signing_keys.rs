//! `kith admin signing-keys`: the keys that sign access tokens.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kith_contracts::identity::v1::{SigningKey, SigningKeyState};
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};
use secrecy::ExposeSecret;

use super::super::Refusal;
use super::EXIT_CODES;
use crate::admin::{MANAGE_KEYS, signing_key_remove, signing_key_rotate, signing_keys_list};
use crate::command_line::own_command;
use crate::data_directory::DataDirectory;
use crate::operator::{Operator, OperatorSettings};
use crate::report::{progress, result, second, table};

pub(super) const SIGNING_KEYS: &str = "signing-keys";
const LIST: &str = "list";
const NEW: &str = "new";
const ROTATE: &str = "rotate";
const REMOVE: &str = "remove";
const PRINT: &str = "print";
const KEY_ID: &str = "key-id";
const EMERGENCY: &str = "emergency";

pub(super) fn command() -> Command {
    let print = Arg::new(PRINT).long(PRINT).action(ArgAction::SetTrue);
    let new = Command::new(NEW)
        .about("Makes a key and adds it to those of the data directory: published within seconds, ready to sign in 2 minutes")
        .arg(print.help("print it on standard output as PEM instead, for servers that have their keys mounted"))
        .args(args::<DataDirectory>())
        .after_help(EXIT_CODES);
    let key_id = Arg::new(KEY_ID).value_name("KEY_ID").required(true);
    let emergency = Arg::new(EMERGENCY).long(EMERGENCY).action(ArgAction::SetTrue);
    let needs = format!("Needs the scope {}. {EXIT_CODES}", MANAGE_KEYS.concat());
    let through_rpcs = [
        Command::new(LIST).about("Lists the keys that are trusted, the active one first").after_help(EXIT_CODES),
        Command::new(ROTATE)
            .about("Has the oldest published key sign, and retires the one that does; prints the keys as they are then")
            .after_help(needs.clone()),
        Command::new(REMOVE)
            .about("Ends the trust in a key for ever; prints the keys as they are then")
            // One id in 64 begins with a hyphen.
            .arg(key_id.help("which one, as list shows it").allow_hyphen_values(true))
            .arg(emergency.help("at once, with every token that it signed; otherwise only once they have all ended"))
            .after_help(needs),
    ];
    Command::new(SIGNING_KEYS)
        .about("Makes, lists, rotates and removes the keys that sign access tokens")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(new)
        .subcommands(through_rpcs.map(|subcommand| subcommand.args(args::<OperatorSettings>())))
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    // Clap lets nobody pass without a subcommand and what it requires.
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(ExitCode::from(2));
    };
    if name == NEW {
        make(&invocation.read(matches, environment)?, matches.get_flag(PRINT))?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings: OperatorSettings = invocation.read(matches, environment)?;
    let runtime = process::runtime()?;
    let keys = runtime.block_on(act(settings, name, matches))?;
    result(&describe(&keys))?;
    Ok(ExitCode::SUCCESS)
}

fn make(directory: &DataDirectory, print: bool) -> Result<(), AnyError> {
    let key = kith_tokens::SigningKey::generate()?;
    if print {
        return result(key.to_pem().expose_secret());
    }
    directory.add_signing_key(&key)?;
    let rotate = own_command("admin signing-keys rotate", directory);
    progress(&format!(
        "it can sign 2 minutes after it is published, once you say: {rotate}"
    ));
    result(&format!("{}\n", key.key_id()))
}

async fn act(
    settings: OperatorSettings,
    action: &str,
    matches: &ArgMatches,
) -> Result<Vec<SigningKey>, AnyError> {
    let operator = Operator::of(settings, MANAGE_KEYS).await?;
    match action {
        ROTATE => signing_key_rotate(&operator).await,
        REMOVE => {
            let key_id = matches.get_one::<String>(KEY_ID).cloned().unwrap_or_default();
            signing_key_remove(&operator, key_id, matches.get_flag(EMERGENCY)).await
        }
        _ => signing_keys_list(&operator).await,
    }
}

/// One line for each key, below one that says what the columns are.
fn describe(keys: &[SigningKey]) -> String {
    let header = ["KEY ID", "STATE", "PUBLISHED", "ACTIVE FROM", "UNTIL"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header).chain(keys.iter().map(row)).collect();
    table(&rows)
}

fn row(key: &SigningKey) -> [String; 5] {
    let state = match key.state() {
        SigningKeyState::Published => "published",
        SigningKeyState::Active => "active",
        SigningKeyState::Retired => "retired",
        SigningKeyState::Unspecified => "unknown",
    };
    [
        key.key_id.clone(),
        state.to_owned(),
        second(key.publish_time),
        second(key.activate_time),
        second(key.retire_time),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_line() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5 });
        let key = SigningKey {
            key_id: "-A".to_owned(),
            state: SigningKeyState::Retired.into(),
            publish_time: time(0),
            activate_time: time(120),
            retire_time: time(86_400),
            ..Default::default()
        };
        let expected = "\
KEY ID  STATE    PUBLISHED             ACTIVE FROM           UNTIL
-A      retired  1970-01-01T00:00:00Z  1970-01-01T00:02:00Z  1970-01-02T00:00:00Z
";
        assert_eq!(describe(&[key]), expected);
    }
}
