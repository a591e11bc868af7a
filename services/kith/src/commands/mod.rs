//! The subcommands, one file each.

mod admin;
mod import;
mod migrate;
mod token;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use kith_rpc::process::AnyError;
use kith_settings::{Environment, Invocation, Setting, SettingsError};

use crate::report;

/// Variables that are read below the settings: where PostgreSQL is installed.
const OTHER_VARIABLES: &[&str] = &["KITH_POSTGRES_BIN"];

/// A subcommand: how it is called, what it is told, what it does.
struct Subcommand {
    command: fn() -> Command,
    settings: fn() -> Vec<&'static Setting>,
    run: fn(&Invocation, &ArgMatches, &Environment) -> Result<ExitCode, Refusal>,
}

const SUBCOMMANDS: [Subcommand; 5] = [
    Subcommand {
        command: up::command,
        settings: up::settings,
        run: up::run,
    },
    Subcommand {
        command: migrate::command,
        settings: migrate::settings,
        run: migrate::run,
    },
    Subcommand {
        command: token::command,
        settings: token::settings,
        run: token::run,
    },
    Subcommand {
        command: import::command,
        settings: import::settings,
        run: import::run,
    },
    Subcommand {
        command: admin::command,
        settings: admin::settings,
        run: admin::run,
    },
];

/// Why a subcommand did not do what it was asked to.
pub(crate) enum Refusal {
    /// It was not told well, or was asked for help. Exit code as the settings have it, 2 for mistakes.
    Settings(SettingsError),
    /// What it was told does not go together. Exit code 2.
    Usage(String),
    /// It could not. Exit code 1.
    Failed(AnyError),
}

impl From<SettingsError> for Refusal {
    fn from(error: SettingsError) -> Self {
        Refusal::Settings(error)
    }
}

impl From<AnyError> for Refusal {
    fn from(error: AnyError) -> Self {
        Refusal::Failed(error)
    }
}

/// Runs the subcommand that `arguments` ask for.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    let environment = environment.expecting(variables());
    let invocation = match Invocation::parse(root(), arguments) {
        Ok(invocation) => invocation,
        Err(error) => return error.report(),
    };
    let chosen = invocation.matches().subcommand().and_then(|(name, matches)| {
        let subcommand = SUBCOMMANDS
            .iter()
            .find(|subcommand| (subcommand.command)().get_name() == name)?;
        Some((subcommand, matches))
    });
    // Clap lets nobody pass without a subcommand that it knows.
    let Some((subcommand, matches)) = chosen else {
        return ExitCode::from(2);
    };
    match (subcommand.run)(&invocation, matches, &environment) {
        Ok(code) => code,
        Err(refusal) => refusal.report(),
    }
}

impl Refusal {
    fn report(self) -> ExitCode {
        match self {
            Refusal::Settings(error) => error.report(),
            Refusal::Usage(problem) => {
                report::progress(&format!("error: {problem}"));
                ExitCode::from(2)
            }
            Refusal::Failed(error) => {
                report::progress(&format!("error: {}", report::chain(&*error)));
                ExitCode::FAILURE
            }
        }
    }
}

fn root() -> Command {
    Command::new("kith")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs all of Kith in one process, and is the operator's tool")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(SUBCOMMANDS.iter().map(|subcommand| (subcommand.command)()))
}

/// The variables of all subcommands: what is set for one must not bar another.
fn variables() -> Vec<String> {
    let settings = SUBCOMMANDS.iter().flat_map(|subcommand| (subcommand.settings)());
    let names = settings.flat_map(|setting| [Some(setting.variable()), setting.file_variable()]);
    names
        .flatten()
        .chain(OTHER_VARIABLES.iter().map(|name| (*name).to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_put_together_well() {
        root().debug_assert();
    }

    #[test]
    fn one_subcommands_variables_are_let_be_by_another() {
        let variables = variables();
        for name in [
            "KITH_OPERATOR_TOKEN",
            "KITH_DATABASE_URL",
            "KITH_POOL_SIZE",
            "KITH_POSTGRES_BIN",
        ] {
            assert!(variables.iter().any(|variable| variable == name), "{name}");
        }
    }
}
