//! `kith token`: an access token, signed with the key of the data directory.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kith_contracts::identity::v1::user_key::Key;
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};
use secrecy::{ExposeSecret, SecretString};

use super::Refusal;
use crate::data_directory::DataDirectory;
use crate::local::{Local, OPERATOR};
use crate::report;
use crate::up::register_call;

const USERNAME: &str = "username";
const SCOPE: &str = "scope";

pub(super) fn command() -> Command {
    let username = Arg::new(USERNAME).value_name("USERNAME");
    let scope = Arg::new(SCOPE)
        .long(SCOPE)
        .value_name("SCOPE")
        .action(ArgAction::Append)
        .num_args(1);
    Command::new("token")
        .about("Prints an access token for a user (5 minutes), or for an operator with scopes (60 minutes)")
        .arg(username.help("whose token, of the users of the Kith that is up"))
        .arg(scope.help(format!(
            "what an operator may do, for example identity.users.import; may be repeated. The token's subject is \
             service:{OPERATOR}"
        )))
        .args(args::<DataDirectory>())
        .after_help("For the Kith that `kith up` runs. Like: grpcurl -H \"authorization: Bearer $(kith token alice)\" ...")
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let directory: DataDirectory = invocation.read(matches, environment)?;
    let username = matches.get_one::<String>(USERNAME);
    let scopes: Vec<&str> = matches
        .get_many::<String>(SCOPE)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let token = match (username, scopes.as_slice()) {
        (Some(username), []) => user_token(&directory, username)?,
        (None, [_, ..]) => process::runtime()?
            .block_on(Local::find(&directory))?
            .operator_token(scopes)?,
        _ => {
            return Err(Refusal::Usage(
                "give either a username or at least one --scope".to_owned(),
            ));
        }
    };
    report::result(&format!("{}\n", token.expose_secret()))?;
    Ok(ExitCode::SUCCESS)
}

fn user_token(directory: &DataDirectory, username: &str) -> Result<SecretString, AnyError> {
    let runtime = process::runtime()?;
    let local = runtime.block_on(Local::find(directory))?;
    let found = runtime.block_on(local.users(vec![Key::Username(username.to_owned())]))?;
    let user = found.into_iter().next().flatten();
    let user = user.ok_or_else(|| nobody(&local, username))?;
    local.user_token(user.id)
}

fn nobody(local: &Local, username: &str) -> String {
    let register = register_call(username, &local.facts().identity);
    format!("no user is called {username:?}; register one with:\n  {register}")
}
