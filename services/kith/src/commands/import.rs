//! `kith import`: brings in what others have.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};

use super::Refusal;
use crate::import::{Summary, Ties, import_edges};
use crate::operator::{Operator, OperatorSettings};
use crate::report::{self, grouped};
use crate::terminal::{Terminal, rate};

const EDGES: &str = "edges";
const FILE: &str = "file";
const AS: &str = "as";
/// What was good is in, but not every line was good.
const LINES_SKIPPED: u8 = 3;

const ABOUT_EDGES: &str = "A line of the file is two whole numbers with white space between them: who follows, and who \
is followed; or, as friendships, two friends in either order. From # on, a line is a comment. The users are called \
u<number>; a number that stands only in lines with one number twice gets none, since nobody follows itself or is its own \
friend. What exists already is left as it is, so it is safe to run this again.

The operator's token needs the scopes identity.users.import and social_graph.follows.import, or as friendships \
social_graph.friendships.import.

Exit codes: 0 when every line is in (a line that repeats another, or has one number twice, counts as in), 1 when the \
import broke off, 2 for mistakes in the settings, 3 when it was finished and lines were skipped";

pub(super) fn command() -> Command {
    let file = Arg::new(FILE)
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf));
    let ties = Arg::new(AS)
        .long(AS)
        .value_name("TIES")
        .value_parser(Ties::NAMES)
        .default_value(Ties::NAMES[0]);
    let edges = Command::new(EDGES)
        .about("Imports a network: a user for each number, and a follow or a friendship for each line")
        .arg(file.help("the edge list"))
        .arg(ties.help("what each line becomes"))
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
    let (file, ties) = (matches.get_one::<PathBuf>(FILE), matches.get_one::<String>(AS));
    let (Some(file), Some(ties)) = (file, ties.and_then(|name| Ties::named(name))) else {
        return Ok(ExitCode::from(2));
    };
    let summary = process::runtime()?.block_on(import(file, ties, settings))?;
    report::result(&describe(&summary))?;
    Ok(if summary.skipped == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(LINES_SKIPPED)
    })
}

async fn import(path: &Path, ties: Ties, settings: OperatorSettings) -> Result<Summary, AnyError> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let operator = Operator::of(settings, ties.scopes()).await?;
    let imported = import_edges(
        BufReader::new(file),
        ties,
        operator,
        &mut Terminal::new(ties.name(), size),
    )
    .await;
    imported
        .map_err(|error| format!("{error}; what was imported stays, and it is safe to run this again").into())
}

fn describe(summary: &Summary) -> String {
    let Summary {
        users_made,
        users_existing,
        ties,
        ties_made,
        ties_existing,
        skipped,
        left_out,
        took,
    } = *summary;
    let [
        users_made,
        users_existing,
        made,
        existing,
        all,
        skipped,
        duplicates,
        loops,
    ] = [
        users_made,
        users_existing,
        ties_made,
        ties_existing,
        ties_made + ties_existing,
        skipped,
        left_out.duplicates,
        left_out.self_loops,
    ]
    .map(grouped);
    let (name, seconds) = (ties.name(), took.as_secs_f64());
    let speed = rate(ties_made + ties_existing, took);
    let lines = [
        ("users", format!("{users_made} new, {users_existing} existing")),
        (name, format!("{made} new, {existing} existing")),
        (
            "lines",
            format!("{skipped} skipped, {duplicates} that repeat another, {loops} from a number to itself"),
        ),
        ("took", format!("{seconds:.1} s, {all} {name} {speed}")),
    ];
    let width = name.len();
    lines
        .map(|(what, how)| format!("{what:width$}  {how}\n"))
        .concat()
}
