//! `kith doctor`: looks for what is wrong, and says what to do about it.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use kith_rpc::process;
use kith_settings::{Environment, Invocation, args};

use super::Refusal;
use crate::doctor::{self, DoctorSettings, Format};

const FORMAT: &str = "format";

const AFTER_HELP: &str = "It takes the settings of any service, or of a migration, and looks at what they name: the \
database, and the logins of its owner and of each service; signing keys, certificates, addresses. Where they name no \
database, it looks at the Kith that `kith up` makes on the data directory. It changes nothing and shows no secret.

Exit codes: 0 when there is no problem, 1 when there is one, 2 for mistakes in the settings";

pub(super) fn command() -> Command {
    let format = Arg::new(FORMAT)
        .long(FORMAT)
        .value_name("WORD")
        .value_parser(["human", "json"])
        .default_value("human");
    Command::new("doctor")
        .about("Says what is wrong with this machine or database, and what to do about it")
        .arg(format.help("lines for people, or one document for programs"))
        .args(args::<DoctorSettings>())
        .after_help(AFTER_HELP)
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let settings: DoctorSettings = invocation.read(matches, environment)?;
    let format = match matches.get_one::<String>(FORMAT).map(String::as_str) {
        Some("json") => Format::Json,
        _ => Format::Human,
    };
    Ok(process::runtime()?.block_on(doctor::examine(settings, format))?)
}
