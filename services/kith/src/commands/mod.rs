//! The subcommands, one file each.

mod admin;
mod doctor;
mod health;
mod import;
mod migrate;
mod seed;
mod token;
mod up;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, Command};
use kith_rpc::process::{AnyError, VARIABLES};
use kith_settings::{Environment, Invocation, SettingsError};

use crate::report;

/// A subcommand: how it is called, and what it does.
struct Subcommand {
    command: fn() -> Command,
    run: fn(&Invocation, &ArgMatches, &Environment) -> Result<ExitCode, Refusal>,
}

const SUBCOMMANDS: [Subcommand; 8] = [
    Subcommand {
        command: up::command,
        run: up::run,
    },
    Subcommand {
        command: migrate::command,
        run: migrate::run,
    },
    Subcommand {
        command: token::command,
        run: token::run,
    },
    Subcommand {
        command: import::command,
        run: import::run,
    },
    Subcommand {
        command: seed::command,
        run: seed::run,
    },
    Subcommand {
        command: admin::command,
        run: admin::run,
    },
    Subcommand {
        command: doctor::command,
        run: doctor::run,
    },
    Subcommand {
        command: health::command,
        run: health::run,
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
    let environment = environment.expecting(VARIABLES.iter().copied());
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
                report::progress(&format!("error: {}", kith_primitives::chain(&*error)));
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kith_identity::IdentitySettings;
    use kith_messaging::MessagingSettings;
    use kith_posts::PostsSettings;
    use kith_settings::Topic;
    use kith_social_graph::SocialGraphSettings;

    use super::*;
    use crate::data_directory::DataDirectory;
    use crate::doctor::DoctorSettings;
    use crate::operator::OperatorSettings;

    #[test]
    fn the_command_line_is_put_together_well() {
        root().debug_assert();
    }

    // Keeps out: kith-identity refused an environment with social-graph's variables in it, and `kith migrate` identity's.
    #[test]
    fn the_variables_that_every_program_lets_be_are_those_of_all_programs() {
        let settings = [
            up::Topics::settings(),
            migrate::MigrateSettings::settings(),
            DataDirectory::settings(),
            OperatorSettings::settings(),
            DoctorSettings::settings(),
            IdentitySettings::settings(),
            SocialGraphSettings::settings(),
            PostsSettings::settings(),
            MessagingSettings::settings(),
        ];
        let names = settings
            .into_iter()
            .flatten()
            .flat_map(|setting| [Some(setting.variable()), setting.file_variable()]);
        // Read below the settings: where PostgreSQL is installed.
        let others = ["KITH_POSTGRES_BIN".to_owned()];
        let all: BTreeSet<String> = names.flatten().chain(others).collect();
        assert_eq!(all, VARIABLES.iter().map(|name| (*name).to_owned()).collect());
    }
}
