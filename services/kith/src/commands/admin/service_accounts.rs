//! `kith admin service-accounts`: internal services, and what they prove themselves with.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kith_contracts::identity::v1::ServiceAccount;
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};
use secrecy::ExposeSecret;

use super::super::Refusal;
use super::EXIT_CODES;
use crate::admin::{
    MANAGE_SERVICES, WithSecret, service_account_create, service_account_revoke, service_accounts_list,
    service_secret_rotate,
};
use crate::operator::{Operator, OperatorSettings};
use crate::report::{progress, result, second, table};

pub(super) const SERVICE_ACCOUNTS: &str = "service-accounts";
const CREATE: &str = "create";
const LIST: &str = "list";
const ROTATE_SECRET: &str = "rotate-secret";
const REVOKE: &str = "revoke";
const NAME: &str = "name";
const SCOPE: &str = "scope";
const NAME_OR_ID: &str = "name-or-id";

pub(super) fn command() -> Command {
    let name = Arg::new(NAME).value_name("NAME").required(true);
    let scope = Arg::new(SCOPE)
        .long(SCOPE)
        .value_name("SCOPE")
        .action(ArgAction::Append)
        .num_args(1);
    let name_or_id = Arg::new(NAME_OR_ID).value_name("NAME_OR_ID").required(true);
    let name_or_id = name_or_id.help("which one, by its name or its number");
    let subcommands = [
        Command::new(CREATE)
            .about("Makes a service account and prints its secret, which is never shown again, on standard output")
            .arg(name.help("1 to 100 characters of a-z, 0-9 and -"))
            .arg(scope.help("what its tokens may do, for example identity.accounts.read; may be repeated")),
        Command::new(LIST).about("Lists all service accounts, newest first, the revoked ones too"),
        Command::new(ROTATE_SECRET)
            .about("Prints a new secret of a service account on standard output; the old one is void at once")
            .arg(name_or_id.clone()),
        Command::new(REVOKE)
            .about("Ends a service account for ever; tokens that are out live for up to 60 minutes")
            .arg(name_or_id),
    ];
    let subcommands = subcommands.map(|subcommand| {
        let help = format!("Needs the scope {}. {EXIT_CODES}", MANAGE_SERVICES.concat());
        subcommand.args(args::<OperatorSettings>()).after_help(help)
    });
    Command::new(SERVICE_ACCOUNTS)
        .about("Makes, lists and ends the accounts of internal services, and gives them secrets")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(subcommands)
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
    let settings: OperatorSettings = invocation.read(matches, environment)?;
    let runtime = process::runtime()?;
    runtime.block_on(act(settings, name, matches))?;
    Ok(ExitCode::SUCCESS)
}

async fn act(settings: OperatorSettings, action: &str, matches: &ArgMatches) -> Result<(), AnyError> {
    let operator = Operator::of(settings, MANAGE_SERVICES).await?;
    let text = |id: &str| matches.get_one::<String>(id).cloned().unwrap_or_default();
    match action {
        CREATE => {
            let scopes = matches.get_many::<String>(SCOPE).unwrap_or_default();
            let made = service_account_create(&operator, text(NAME), scopes.cloned().collect()).await?;
            hand_out(&made, "is made")
        }
        ROTATE_SECRET => hand_out(
            &service_secret_rotate(&operator, &text(NAME_OR_ID)).await?,
            "has a new secret",
        ),
        REVOKE => {
            let revoked = service_account_revoke(&operator, &text(NAME_OR_ID)).await?;
            result(&format!("{} is revoked\n", title(&revoked)))
        }
        _ => result(&describe(&service_accounts_list(&operator).await?)),
    }
}

/// Standard output gets the secret and nothing else, so that it can go into a file or another program.
fn hand_out(made: &WithSecret, done: &str) -> Result<(), AnyError> {
    let WithSecret { account, secret } = made;
    progress(&format!(
        "{} {done}; the secret is shown only this once",
        title(account)
    ));
    result(&format!("{}\n", secret.expose_secret())).map_err(|error| {
        let id = account.id;
        format!("{error}; nobody has the secret now: get another with {ROTATE_SECRET} {id}").into()
    })
}

fn title(account: &ServiceAccount) -> String {
    format!("{} (service {})", account.name, account.id)
}

/// One line for each account, below one that says what the columns are.
fn describe(accounts: &[ServiceAccount]) -> String {
    let header = ["ID", "NAME", "MADE", "SECRET SINCE", "REVOKED", "SCOPES"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header).chain(accounts.iter().map(row)).collect();
    table(&rows)
}

fn row(account: &ServiceAccount) -> [String; 6] {
    [
        account.id.to_string(),
        account.name.clone(),
        second(account.create_time),
        second(account.secret_update_time),
        second(account.revoke_time),
        account.scopes.join(" "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_stand_below_each_other() {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 5 });
        let feed = ServiceAccount {
            id: 12,
            name: "feed".to_owned(),
            scopes: vec![
                "identity.accounts.read".to_owned(),
                "identity.users.import".to_owned(),
            ],
            create_time: time(0),
            secret_update_time: time(60),
            revoke_time: None,
        };
        let old = ServiceAccount {
            id: 2,
            scopes: Vec::new(),
            revoke_time: time(86_400),
            ..feed.clone()
        };
        let expected = "\
ID  NAME  MADE                  SECRET SINCE          REVOKED               SCOPES
12  feed  1970-01-01T00:00:00Z  1970-01-01T00:01:00Z  -                     identity.accounts.read identity.users.import
2   feed  1970-01-01T00:00:00Z  1970-01-01T00:01:00Z  1970-01-02T00:00:00Z
";
        assert_eq!(describe(&[feed, old]), expected);
    }
}
