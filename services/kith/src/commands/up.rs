//! `kith up`: everything in one process.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Arg, ArgAction, ArgMatches, Command};
use kith_postgres::private::{Keep, PrivateCluster};
use kith_rpc::process::{self, AnyError};
use kith_settings::{Environment, Invocation, args};
use kith_telemetry::{Exporters, LogSettings, OtlpSettings};
use tokio::task::spawn_blocking;

use super::Refusal;
use crate::held::Held;
use crate::local::Local;
use crate::report::{self, progress};
use crate::up::{
    Announcement, Cast, Install, Listeners, Postgres, Services, UpSettings, bring_up_to_date, check_roles,
    create_roles, ensure_programs,
};

const EPHEMERAL: &str = "ephemeral";
const NO_INSTALL: &str = "no-install";

const AFTER_HELP: &str = "Where no PostgreSQL 15 to 18 is installed, and root runs this on Debian or its kin, it is \
installed with apt-get.

A PostgreSQL that is neither on PATH nor in a usual place is found through KITH_POSTGRES_BIN, \
the directory of its binaries.

Exit codes: 0 when it was stopped, 1 when it could not start or something failed, 2 for mistakes in the settings";

/// Everything that `up` is told.
pub(super) type Topics = (LogSettings, OtlpSettings, UpSettings);

pub(super) fn command() -> Command {
    let ephemeral = Arg::new(EPHEMERAL).long(EPHEMERAL).action(ArgAction::SetTrue);
    let no_install = Arg::new(NO_INSTALL).long(NO_INSTALL).action(ArgAction::SetTrue);
    Command::new("up")
        .about("Runs PostgreSQL, migrations and all services in one process, until Ctrl-C or SIGTERM")
        .arg(ephemeral.help("forget all data at the end; without --data-directory, in a temporary directory"))
        .arg(no_install.help("install no PostgreSQL where there is none"))
        .args(args::<Topics>())
        .after_help(AFTER_HELP)
}

pub(super) fn run(
    invocation: &Invocation,
    matches: &ArgMatches,
    environment: &Environment,
) -> Result<ExitCode, Refusal> {
    let (logs, otlp, settings): Topics = invocation.read(matches, environment)?;
    let keep = if matches.get_flag(EPHEMERAL) {
        Keep::Ephemeral
    } else {
        Keep::Persistent
    };
    if keep == Keep::Ephemeral && settings.database_url.is_some() {
        let problem = "--ephemeral is for a private PostgreSQL, and a database URL names another one; leave one of them out";
        return Err(Refusal::Usage(problem.to_owned()));
    }
    if let (Keep::Ephemeral, Some(path)) = (keep, settings.directory.to_be_named())
        && path.exists()
    {
        let path = path.display();
        let problem = format!(
            "--ephemeral removes its data directory, and {path} is there already; name one that is not"
        );
        return Err(Refusal::Usage(problem));
    }
    let install = if matches.get_flag(NO_INSTALL) {
        Install::Never
    } else {
        Install::WhereWeCan
    };
    let exporters = Exporters::start(&otlp, "kith", env!("CARGO_PKG_VERSION"))?;
    kith_telemetry::init(&logs, &exporters);
    let ended = process::runtime()?.block_on(up(settings, keep, install));
    exporters.finish();
    Ok(ended?)
}

/// Starts everything, runs it until it is asked to stop or something fails, and stops everything.
async fn up(settings: UpSettings, keep: Keep, install: Install) -> Result<ExitCode, AnyError> {
    let began = Instant::now();
    let shutdown = process::shutdown_on_signal()?;
    let ground = prepare(&settings, keep, install);
    tokio::pin!(ground);
    let prepared = tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        ground = &mut ground => Some(ground?),
    };
    let Some(Ground {
        listeners,
        postgres,
        held,
    }) = prepared
    else {
        progress("stopping, as soon as PostgreSQL is far enough to be stopped …");
        // What it could not do is nobody's concern any more.
        let _ = ground.await;
        return Ok(ExitCode::SUCCESS);
    };
    let mut services = Services::new();
    let ended = tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        exit = postgres.ended() => Some(exit.to_string()),
        error = serve(&settings, &held, &postgres, &mut services, listeners, began) => Some(kith_primitives::chain(&*error)),
    };
    if let Some(problem) = &ended {
        progress(&format!("error: {problem}\nstopping …"));
    }
    held.withdraw();
    services.stop().await;
    drop(postgres);
    drop(held);
    Ok(if ended.is_none() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the services stand on. Given up in this order: the directory after the server in it.
struct Ground {
    listeners: Listeners,
    postgres: Postgres,
    held: Held,
}

async fn prepare(settings: &UpSettings, keep: Keep, install: Install) -> Result<Ground, AnyError> {
    let directory = settings.directory.clone();
    // What is taken first is given up last, on every way out.
    let held = match keep {
        Keep::Persistent => Some(spawn_blocking(|| Held::take(directory)).await??),
        Keep::Ephemeral => None,
    };
    let listeners = Listeners::bind(settings)?;
    let postgres = start_postgres(settings, keep, install).await?;
    let held = match (held, postgres.cluster()) {
        (None, Some(cluster)) => Held::take_clusters(cluster.directory())?,
        (held, _) => held.ok_or("there is no data directory")?,
    };
    Ok(Ground {
        listeners,
        postgres,
        held,
    })
}

async fn start_postgres(settings: &UpSettings, keep: Keep, install: Install) -> Result<Postgres, AnyError> {
    if let Some(url) = &settings.database_url {
        progress(&format!("using the database {url}"));
        return Ok(Postgres::given(url.clone()));
    }
    let directory = &settings.directory;
    let cluster = match keep {
        Keep::Persistent => Some(directory.cluster()),
        // With nothing in it yet.
        Keep::Ephemeral => None,
    };
    spawn_blocking(move || ensure_programs(cluster.as_deref(), install)).await??;
    match (keep, directory.to_be_named()) {
        (Keep::Ephemeral, None) => {
            progress("making a PostgreSQL for this run …");
            Postgres::private(PrivateCluster::start_ephemeral).await
        }
        (Keep::Ephemeral, Some(path)) => {
            progress(&format!(
                "making a PostgreSQL for this run in {} …",
                path.display()
            ));
            let path = path.to_owned();
            Postgres::private(move || PrivateCluster::start(&path, Keep::Ephemeral)).await
        }
        (Keep::Persistent, _) => {
            let path = directory.cluster();
            let verb = if path.is_dir() { "starting the" } else { "making a" };
            progress(&format!("{verb} PostgreSQL in {} …", path.display()));
            Postgres::private(move || PrivateCluster::start(&path, Keep::Persistent)).await
        }
    }
}

/// Returns when something failed: until then everything runs.
async fn serve(
    settings: &UpSettings,
    held: &Held,
    postgres: &Postgres,
    services: &mut Services,
    listeners: Listeners,
    began: Instant,
) -> AnyError {
    match start(settings, held, postgres, services, listeners).await {
        Ok(announcement) => {
            // Somebody who reads no further still has the services.
            let _ = report::result(&announcement);
            progress(&format!(
                "ready after {:.1} s; Ctrl-C stops it",
                began.elapsed().as_secs_f64()
            ));
            services.ended().await.to_string().into()
        }
        Err(error) => error,
    }
}

/// Brings everything about, and answers what there is to say about it.
async fn start(
    settings: &UpSettings,
    held: &Held,
    postgres: &Postgres,
    services: &mut Services,
    listeners: Listeners,
) -> Result<String, AnyError> {
    let owner = postgres.owner();
    create_roles(owner, &settings.roles).await?;
    bring_up_to_date(owner).await?;
    check_roles(owner, &settings.roles).await?;
    let keys = held.signing_keys()?;
    let (facts, metrics) = (listeners.facts(settings)?, listeners.metrics()?);
    services
        .start(settings, owner, held.directory(), keys.clone(), listeners)
        .await?;
    held.publish(&facts)?;
    let local = Local::of(held.directory().clone(), facts, &keys).await?;
    let cast = Cast::of(&local).await?;
    Ok(Announcement {
        local: &local,
        postgres,
        directory: held.directory(),
        metrics: &metrics,
        cast,
    }
    .to_string())
}

#[cfg(test)]
mod tests {
    use kith_settings::{Topic, markdown_table};

    use super::*;

    #[test]
    fn the_readme_lists_the_settings_as_they_are() {
        let readme = include_str!("../../../../README.md");
        let (_, rest) = readme
            .split_once("<!-- settings:begin -->\n")
            .expect("a beginning");
        let (table, _) = rest.split_once("<!-- settings:end -->").expect("an end");
        assert_eq!(table, markdown_table(Topics::settings()));
    }
}
