//! `kith migrate`: brings a database to this build's schema.

use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kith_postgres::DatabaseUrl;
use kith_rpc::process;
use kith_settings::{Environment, Invocation, Reader, Setting, Topic, args};

use super::Refusal;
use crate::report;
use crate::roles::RoleSettings;
use crate::up::{DATABASE_URL, bring_up_to_date, create_roles};

const BOOTSTRAP: &str = "bootstrap";
const OWNERS_URL: Setting = DATABASE_URL.required();

/// What is migrated, and who gets rights there.
pub(super) struct MigrateSettings {
    owner: DatabaseUrl,
    roles: RoleSettings,
}

impl Topic for MigrateSettings {
    fn settings() -> Vec<&'static Setting> {
        [vec![&OWNERS_URL], RoleSettings::settings()].concat()
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let owner = DatabaseUrl::from_setting(reader, &OWNERS_URL);
        let roles = RoleSettings::read(reader);
        Some(Self {
            owner: owner?,
            roles: roles?,
        })
    }
}

pub(super) fn command() -> Command {
    let bootstrap = Arg::new(BOOTSTRAP).long(BOOTSTRAP).action(ArgAction::SetTrue);
    Command::new("migrate")
        .about("Applies the migrations that the database has not had yet; waits while another process does so")
        .arg(bootstrap.help("first create the services' roles where they are missing, and give them their settings here"))
        .args(args::<MigrateSettings>())
        .after_help("Exit codes: 0 when nothing is pending any more, 1 when something failed, 2 for mistakes in the settings")
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let settings: MigrateSettings = invocation.read(matches, environment)?;
    let bootstrap = matches.get_flag(BOOTSTRAP);
    process::runtime()?.block_on(async {
        if bootstrap {
            create_roles(&settings.owner, &settings.roles).await?;
        }
        let owner = &settings.owner;
        report::result(&match bring_up_to_date(owner).await?.len() {
            0 => format!("no migration was pending on {owner}\n"),
            1 => format!("1 migration was applied to {owner}\n"),
            applied => format!("{applied} migrations were applied to {owner}\n"),
        })?;
        Ok(ExitCode::SUCCESS)
    })
}
