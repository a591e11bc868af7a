//! `kith import`: brings in what others have.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};

use super::Refusal;
use crate::import::{SCOPES, Summary, import_edges};
use crate::operator::{Operator, OperatorSettings};
use crate::report::{self, grouped};
use crate::terminal::{Terminal, rate};

const EDGES: &str = "edges";
const FILE: &str = "file";
/// What was good is in, but not every line was good.
const LINES_SKIPPED: u8 = 3;

const ABOUT_EDGES: &str = "A line of the file is two whole numbers with white space between them: who follows, and who \
is followed. From # on, a line is a comment. The users are called u<number>; a number that stands only in lines with one \
number twice gets none, since nobody follows itself. Users and follows that exist already are left as they are, so it is \
safe to run this again.

Exit codes: 0 when every line is in (a line that repeats another, or has one number twice, counts as in), 1 when the \
import broke off, 2 for mistakes in the settings, 3 when it was finished and lines were skipped";

pub(super) fn command() -> Command {
    let file = Arg::new(FILE)
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf));
    let edges = Command::new(EDGES)
        .about("Imports a network: a user for each number that follows or is followed, and a follow for each line")
        .arg(file.help("the edge list"))
        .args(args::<OperatorSettings>())
        .after_help(ABOUT_EDGES);
    Command::new("import")
        .about("Imports what others have, through the operators' RPCs of a running Kith")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(edges)
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    // Clap lets nobody pass without a subcommand and its file.
    let Some((_, matches)) = matches.subcommand() else {
        return Ok(ExitCode::from(2));
    };
    let settings: OperatorSettings = invocation.read(matches, environment)?;
    let Some(file) = matches.get_one::<PathBuf>(FILE) else {
        return Ok(ExitCode::from(2));
    };
    let summary = process::runtime()?.block_on(import(file, settings))?;
    report::result(&describe(&summary))?;
    Ok(if summary.skipped == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(LINES_SKIPPED)
    })
}

async fn import(path: &Path, settings: OperatorSettings) -> Result<Summary, AnyError> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let operator = Operator::of(settings, SCOPES).await?;
    let imported = import_edges(
        BufReader::new(file),
        operator,
        &mut Terminal::new("follows", size),
    )
    .await;
    imported
        .map_err(|error| format!("{error}; what was imported stays, and it is safe to run this again").into())
}

fn describe(summary: &Summary) -> String {
    let Summary {
        users_made,
        users_existing,
        follows_made,
        follows_existing,
        skipped,
        left_out,
        took,
    } = *summary;
    let [
        users_made,
        users_existing,
        made,
        existing,
        skipped,
        duplicates,
        loops,
    ] = [
        users_made,
        users_existing,
        follows_made,
        follows_existing,
        skipped,
        left_out.duplicates,
        left_out.self_loops,
    ]
    .map(grouped);
    format!(
        "users    {users_made} new, {users_existing} existing\n\
         follows  {made} new, {existing} existing\n\
         lines    {skipped} skipped, {duplicates} that repeat another, {loops} from a number to itself\n\
         took     {:.1} s, {} follows {}\n",
        took.as_secs_f64(),
        grouped(follows_made + follows_existing),
        rate(follows_made + follows_existing, took),
    )
}
